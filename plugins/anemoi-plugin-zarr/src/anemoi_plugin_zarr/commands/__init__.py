"""The command ``anemoi data``."""
