"""git, as this package runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from anemoi.core.errors import AnemoiError


def git(*words: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a git command prints.

    Raises
    ------
    AnemoiError
        If it fails, or there is no git.
    """
    # Within a hook of another repository, these would point git there.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *map(str, words)],
            cwd=cwd,
            env={**inherited, "LC_ALL": "C", **(environment or {})},
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise AnemoiError("There is no git here, which this needs.", fix="Install git.") from error
    except subprocess.CalledProcessError as error:
        raise AnemoiError(f"git {words[0]} failed: {error.stderr.strip()}") from error
    return done.stdout


def succeeds(*words: str | Path, cwd: Path) -> bool:
    """Whether a git command has exit code zero."""
    try:
        git(*words, cwd=cwd)
    except AnemoiError:
        return False
    return True
