"""A package index that is a folder: what pip reads over HTTP or as ``file://``, by PEP 503."""

from __future__ import annotations

import os
import tempfile
from html import escape
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from .errors import MetaCIError
from .wheels import Wheel

PAGE = """<!DOCTYPE html>
<html><head><meta name="pypi:repository-version" content="1.0"></head><body>
{}</body></html>
"""


class Index:
    """A folder with one folder for each distribution, and their pages.

    A file that is there is never replaced. Files appear whole, and before the page that names them.

    Parameters
    ----------
    folder
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wheels(self, name: str) -> list[Wheel]:
        """Of a distribution, the newest last."""
        found = [Wheel(path, None) for path in self.folder.joinpath(canonicalize_name(name)).glob("*.whl")]
        return sorted(found, key=lambda wheel: Version(wheel.version))

    def wheel(self, name: str, version: str) -> Wheel | None:
        """Of one version, if it is there."""
        return next((each for each in self.wheels(name) if each.version == version), None)

    def statement(self, wheel: Wheel) -> Path:
        """Where it is said what a wheel was made of."""
        return self.folder / wheel.name / f"{wheel.path.name}.statement.json"

    def check(self, wheel: Wheel) -> None:
        """Refuse a wheel that is there with other contents.

        Raises
        ------
        MetaCIError
            If it is.
        """
        there = self.wheel(wheel.name, wheel.version)
        if there is not None and there.sha256 != wheel.sha256:
            raise MetaCIError(
                f"{wheel.name} {wheel.version} is in the index with other contents: sha256 "
                f"{there.sha256[:16]} there, {wheel.sha256[:16]} here.",
                fix="A release is never replaced: give it another version.",
            )

    def add(self, wheel: Wheel, statement: str) -> None:
        """Put a wheel into the index, and beside it what it was made of.

        Raises
        ------
        MetaCIError
            If it is there with other contents, or the folder cannot be written.
        """
        self.check(wheel)
        try:
            self._write(wheel, statement)
        except OSError as error:
            raise MetaCIError(
                f"{wheel.path.name} cannot be put into the index: {error}.", fix="Mend it, and release again."
            ) from None

    def _write(self, wheel: Wheel, statement: str) -> None:
        write(self.statement(wheel), statement.encode())
        write(self.folder / wheel.name / wheel.path.name, wheel.path.read_bytes())
        links = [_link(each) for each in self.wheels(wheel.name)]
        write(self.folder / wheel.name / "index.html", PAGE.format("".join(links)).encode())
        names = sorted(path.parent.name for path in self.folder.glob("*/index.html"))
        links = [f'<a href="{name}/">{name}</a><br>\n' for name in names]
        write(self.folder / "index.html", PAGE.format("".join(links)).encode())


def write(path: Path, contents: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(contents)
    Path(file.name).chmod(0o644)
    os.replace(file.name, path)


def _link(wheel: Wheel) -> str:
    python = f' data-requires-python="{escape(wheel.requires_python)}"' if wheel.requires_python else ""
    name = escape(wheel.path.name)
    return f'<a href="{name}#sha256={wheel.sha256}"{python}>{name}</a><br>\n'
