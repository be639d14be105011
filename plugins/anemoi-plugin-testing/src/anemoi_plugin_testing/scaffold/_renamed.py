"""Answers that go on to mean something where the template calls its variables something else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ._git import git
from ._source import Source

TABLE = "_renamed"
"""Where ``cookiecutter.json`` says what its variables were called before: ``{"old": "new"}``."""


def carried(answers: Mapping[str, str], origin: Source) -> dict[str, str]:
    """The answers that a plugin recorded under names that its template had before, by those it has now."""
    renamed = _table(origin)
    found = {}
    for old, answer in answers.items():
        new = old
        while new in renamed:
            new = renamed[new]
        if new != old and new not in answers:
            found[new] = answer
    return found


def _table(origin: Source) -> dict[str, str]:
    if origin.kept:
        return _read(Path(origin.repository), origin.checkout)
    with tempfile.TemporaryDirectory(prefix="anemoi-template-") as folder:
        git("clone", "--quiet", "--bare", origin.repository, folder)
        return _read(Path(folder), origin.checkout)


def _read(repository: Path, checkout: str | None) -> dict[str, str]:
    text = git("show", f"{checkout or 'HEAD'}:cookiecutter.json", cwd=repository)
    table: dict[str, str] = json.loads(text).get(TABLE, {})
    return table
