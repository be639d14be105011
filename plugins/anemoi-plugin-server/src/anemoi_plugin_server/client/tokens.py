"""The tokens of a user: each is shown to the server that it is for, and to no other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from anemoi.core.directories import user_directory
from anemoi.core.errors import ConfigError

VARIABLE: Final = "ANEMOI_TOKEN"
FILE: Final = "tokens.json"


def token_for(url: str) -> str | None:
    """The token for a server: that of ``ANEMOI_TOKEN``, or of ``tokens.json`` in the user's directory.

    Parameters
    ----------
    url
        The address of the server, as the file has it.

    Raises
    ------
    ConfigError
        If the file is not of the form ``{"https://host": "TOKEN"}``, or others can read it.
    """
    if given := os.environ.get(VARIABLE):
        return given
    path = user_directory() / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    _check_private(path)
    try:
        known = json.loads(text)
        found = {str(server).rstrip("/"): token for server, token in known.items()}
    except (ValueError, AttributeError):
        raise ConfigError(
            f"{path} is not as it should be.", fix='Write {"https://host": "TOKEN"} in it.'
        ) from None
    return found.get(url.rstrip("/"))


def _check_private(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ConfigError(f"Others can read the tokens in {path}.", fix=f"chmod 600 {path}")
