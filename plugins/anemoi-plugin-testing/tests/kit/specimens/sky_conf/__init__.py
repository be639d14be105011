"""A configuration of which house rules may have a file, too."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a sky.

    Parameters
    ----------
    stars
        How many.
    """

    stars: int = 1


SETTINGS = {"sky": Settings}
