"""The files that a plugin with a component of a declared kind is made from, put into a template."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import Kind, find_kind, group

FACTS: Final = "kind.json"
NEEDED: Final = ("component.py", "test_component.py", "index.md", "steps.json")
SUFFIX: Final = ".jinja"
"""What a file may end in within a package, so that no tool takes it for Python; it is taken off."""

_PARTS: Final = ("templates", "kinds")


def with_kind(template: Path, kind: str | None, folder: Path) -> Path:
    """A template that knows ``kind``: this one, or a copy of it in ``folder`` with the kind's files.

    Raises
    ------
    AnemoiError
        If neither the template nor the kind has files for it, or those of the kind cannot be used.
    """
    if kind is None or template.joinpath(*_PARTS, kind).is_dir():
        return template
    record = find_kind(kind)
    if not record.scaffold:
        raise AnemoiError(
            f"There is nothing to make a {kind} from: its kind has no scaffold.",
            fix="Write it by hand: 'Writing a plugin' in docs/plugins.md says what belongs in it.",
        )
    files = scaffold(record)
    beside = shutil.ignore_patterns("__pycache__", ".git", FACTS)
    shutil.copytree(template, folder, ignore=beside)
    copied = folder.joinpath(*_PARTS, kind)
    shutil.copytree(files, copied, ignore=beside)
    for file in copied.glob(f"*{SUFFIX}"):
        file.rename(file.with_suffix(""))
    _register(folder / "cookiecutter.json", record, files)
    return folder


def scaffold(kind: Kind) -> Path:
    """The directory with the files of a kind; the package it is in is not imported.

    Raises
    ------
    AnemoiError
        If it is not there, or lacks a file.
    """
    package, _, inside = kind.scaffold.partition(":")
    fix = f"To mend it: pip install --upgrade --force-reinstall {kind.owner}"
    where = f"The scaffold of the kind {kind.name!r}, {kind.scaffold} of {kind.owner},"
    try:
        spec = find_spec(package)
    except ImportError:
        spec = None
    places = [Path(each, inside) for each in (spec and spec.submodule_search_locations) or ()]
    directory = next((each for each in places if each.is_dir()), None)
    if directory is None:
        raise AnemoiError(f"{where} is not there.", fix=fix)
    if absent := [name for name in NEEDED if not _has(directory, name)]:
        raise AnemoiError(f"{where} has no {', '.join(absent)}.", fix=fix)
    return directory


def _has(directory: Path, name: str) -> bool:
    return any((directory / f"{name}{suffix}").is_file() for suffix in ("", SUFFIX))


def _register(settings: Path, kind: Kind, files: Path) -> None:
    """Write a kind among those that the template knows."""
    values: dict[str, Any] = json.loads(settings.read_text(encoding="utf-8"))
    values["kind"] = [*values["kind"], kind.name]
    values["_kinds"] = {**values["_kinds"], kind.name: facts(kind, files)}
    settings.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def facts(kind: Kind, files: Path) -> dict[str, Any]:
    """What ``cookiecutter.json`` says of a kind; what ``kind.json`` leaves out has a default.

    Raises
    ------
    AnemoiError
        If ``kind.json`` cannot be read, or says something else.
    """
    usual = {
        "class": "".join(map(str.capitalize, kind.name.split("_"))),
        "contract": "",
        "entry_points": group(kind.name),
        "group": kind.name if _has(files, "conf.yaml") else "",
        "dependencies": [kind.owner],
        "test_dependencies": [],
        "use": "anemoi plugins info {name}",
    }
    path = files / FACTS
    if not path.is_file():
        return usual
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AnemoiError(f"{path} of {kind.owner} cannot be read: {error}.") from error
    if strange := set(given) - set(usual):
        raise AnemoiError(
            f"{path} of {kind.owner} has {', '.join(sorted(strange))}, which means nothing.",
            fix=f"It may have {', '.join(usual)}.",
        )
    return {**usual, **given}
