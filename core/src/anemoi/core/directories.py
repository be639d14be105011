"""Where the institution and the user keep what they decide for all their runs."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import ConfigError

SITE_VARIABLE = "ANEMOI_SITE_CONFIG"


def site_directory() -> Path | None:
    """Where the institution's house rules are, as ``ANEMOI_SITE_CONFIG`` says, or None.

    Raises
    ------
    ConfigError
        If the variable names what is not a directory: house rules that are not there are not kept.
    """
    named = os.environ.get(SITE_VARIABLE)
    if not named:
        return None
    directory = Path(named).expanduser()
    if not directory.is_dir():
        raise ConfigError(
            f"{SITE_VARIABLE} names {named}, which is not a directory.",
            fix=f"Correct {SITE_VARIABLE}, or unset it to work without the site's configuration.",
        )
    return directory


def user_directory() -> Path:
    """``~/.config/anemoi``, or where ``XDG_CONFIG_HOME`` puts it; it need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "anemoi"
