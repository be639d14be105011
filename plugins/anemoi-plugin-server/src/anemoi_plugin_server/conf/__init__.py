"""The configuration of ``anemoi serve``."""

from ..settings import Settings

SETTINGS = {"serve": Settings}
