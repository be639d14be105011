"""The errors that this plugin adds to those of the core."""

from __future__ import annotations

from anemoi.core.errors import AnemoiError, ResourceError


class ShareError(ResourceError):
    """A user has used up their share of the server: too many jobs wait, or too much is kept."""


class ConflictError(AnemoiError):
    """Something else stands in the way: one of this name, or who needs what is to go."""


class ChangedError(AnemoiError):
    """What is to be replaced is not what the request takes it to be."""
