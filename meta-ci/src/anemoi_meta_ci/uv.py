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

WANTED_NEVER = "sys_platform == 'never'"
"""A marker that holds nowhere: a requirement overridden with it is not installed."""

EPOCH = "1580601600"
"""The time that files in wheels have, 2020-02-02; hatchling has it anyway, others heed SOURCE_DATE_EPOCH."""

_PUBLIC = "https://pypi.org/simple"
_INDEX = """
[[index]]
url = "{url}"
cache-control = {{ api = "max-age=600", files = "max-age=31536000, immutable" }}
"""


SECONDS = 1800.0
"""How long uv may take; an index that sends a little now and then could keep it for ever."""


class UvError(Exception):
    """What uv said when it could not do what it was asked."""


def uv(*words: str | Path, directory: Path | None = None, seconds: float | None = None) -> str:
    """Run uv in a folder, whose :func:`configure` it keeps to, and give back what it printed.

    Missing interpreters are not downloaded: a matrix is proved with those that are there.

    Raises
    ------
    UvError
        If it fails, or is not through in so many seconds, :data:`SECONDS` by default.
    """
    seconds = SECONDS if seconds is None else seconds
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    environment.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    environment.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(
            [find_uv_bin(), *map(str, words)],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise UvError(too_slow("uv", seconds)) from None
    if done.returncode:
        raise UvError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def too_slow(tool: str, seconds: float) -> str:
    """What it is called that a tool was not through in time."""
    return f"{tool} was not through in {seconds:.0f} s: an index or the machine is too slow"


def configure(folder: Path, indexes: Sequence[str]) -> str:
    """Say in a folder where uv finds distributions: in these indexes first, then where it would anyway.

    Gives back what it wrote, which is the same as long as the indexes are.

    An index is asked about a distribution once in ten minutes, and a file is fetched once, whatever the
    server says about caching: the cells of a plan then see one state of the index, and do not each wait for
    it. An index that the user has configured stays as it is.
    """
    text = "".join(_INDEX.format(url=url) for url in indexes)
    if not _user_has_index():
        text += _INDEX.format(url=_PUBLIC) + "default = true\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "uv.toml").write_text(text, encoding="utf-8")
    return text


def _user_has_index() -> bool:
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return True
    base = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    files = [base / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]
    return any("index" in path.read_text(encoding="utf-8") for path in files if path.is_file())


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
