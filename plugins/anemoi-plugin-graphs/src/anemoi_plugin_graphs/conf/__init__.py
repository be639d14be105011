"""Configuration groups: ``graph=icosahedral``."""

from ..settings import GraphSettings

SETTINGS = {"graph-build": GraphSettings}
