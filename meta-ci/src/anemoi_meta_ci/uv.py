"""The one place that calls uv, which resolves, makes environments, installs and builds."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin  # type: ignore[import-not-found,unused-ignore]

DRAWING = r"[\u00d7\u2500-\u259f\u25b6]+"
"""What uv draws around its words."""

WANTED_NEVER = "sys_platform == 'never'"
"""A marker that holds nowhere: a requirement overridden with it is not installed."""


class UvError(Exception):
    """What uv said when it could not do what it was asked."""


def uv(*words: str | Path, directory: Path | None = None) -> str:
    """Run uv and give back what it printed.

    Missing interpreters are not downloaded: a matrix is proved with those that are there.

    Raises
    ------
    UvError
        If it fails.
    """
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [find_uv_bin(), *map(str, words)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UvError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


@functools.cache
def find_python(version: str) -> str | None:
    """Where an interpreter of this version is: this one, one of pyenv's, or on the path; None if nowhere.

    Looking along the path comes last, because it starts what it meets there.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    if found := sorted(root.glob(f"versions/{version}.*/bin/python"), key=_patch):
        return str(found[-1])
    try:
        return uv("python", "find", version).strip()
    except UvError:
        return None


def _patch(python: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", python.parts[-3])))


def find_links(folders: Sequence[Path]) -> list[str]:
    """The options that make uv look into these folders too."""
    return [word for folder in folders for word in ("--find-links", str(folder))]
