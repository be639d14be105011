"""Configuration groups: ``graph=icosahedral``."""
