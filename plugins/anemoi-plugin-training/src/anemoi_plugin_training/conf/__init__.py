"""The configuration that ``anemoi train`` begins with, and the groups of this plugin."""

from ..settings import Settings

SETTINGS = {"train": Settings}
