"""The catalogue: a page of all plugins that are known, and the same as JSON for machines.

What a plugin is comes from its own metadata where it is installed, and otherwise from its entry, a file that
its owners wrote; whether it works comes from the last run of the matrix.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import MetaCIError
from .plan import CORE
from .results import GREEN, MatrixRun, Result

OFFICIAL = "https://github.com/anemoi/"
"""Where the repositories of official plugins are."""

NAMES = "core/src/anemoi/core/plugins/catalogue.json"
"""The names that core knows, in the repository of the matrix."""

_METADATA = """
import importlib.metadata as m, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = m.metadata(name).json
    except m.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_ABSENT = frozenset({"not-run", "excluded"})
_CORE_PIN = re.compile(rf"^{CORE}==(?P<line>\d+\.\d+)", re.MULTILINE)


class Entry(BaseModel):
    """A plugin as its owners enter it: one file, called after its distribution."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^anemoi-[a-z0-9]+(-[a-z0-9]+)*$", description="The distribution.")
    summary: str = Field(min_length=10, max_length=120, description="What it does, in one line.")
    owner: str = Field(min_length=2, description="The centre or the people it belongs to.")
    repository: str = Field(pattern=r"^https://", description="Where its source is.")
    documentation: str = Field(
        default="", pattern=r"^(https://.*)?$", description="Where its documentation is."
    )
    licence: str = Field(min_length=2, description="Its SPDX licence.")
    components: Mapping[str, tuple[str, ...]] = Field(
        min_length=1, description="By kind, the names of what it offers."
    )


def check(path: Path, folder: Path, reserved: Mapping[tuple[str, str], str]) -> Entry:
    """Read an entry, and hold it to what the catalogue asks of one.

    Parameters
    ----------
    path
        The file.
    folder
        The entries that are there already; ``path`` may be among them.
    reserved
        The distribution that each component belongs to which is official: ``(kind, name)``.

    Raises
    ------
    MetaCIError
        If it cannot be read, is not called after its distribution, or takes a name that is another's.
    """
    entry = _read(path)
    faults = []
    if path.stem != entry.name:
        faults.append(f"it is not called {entry.name}.yaml")
    official = {canonicalize_name(owner) for owner in reserved.values()}
    if not entry.repository.startswith(OFFICIAL) and entry.name in official:
        faults.append(f"{entry.name} is official, and not in {entry.repository}")
    owners = dict(reserved)
    for other in sorted(folder.glob("*.yaml")):
        if other.resolve() != path.resolve():
            owners |= dict.fromkeys(_offered(_read(other)), other.stem)
    faults += [
        f"the {kind} {name!r} is that of {owners[kind, name]}"
        for kind, name in _offered(entry)
        if owners.get((kind, name), entry.name) != entry.name
    ]
    if faults:
        raise MetaCIError(
            f"{path}: {'; '.join(faults)}.", fix="See docs/catalogue.md for what an entry says."
        )
    return entry


def reserved_names(path: Path) -> dict[tuple[str, str], str]:
    """The components that are official, by kind and name, and the distributions they belong to.

    They are those that core knows; a matrix without core beside it reserves none.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {(_plain(kind), name): owner for kind, names in known.items() for name, owner in names.items()}


def write(
    folder: Path,
    entries: Iterable[Entry],
    managed: Sequence[str],
    run: MatrixRun | None,
    python: Path,
    known_good: Iterable[Path] = (),
) -> list[str]:
    """Write the page and the JSON; the names of the plugins in it.

    Parameters
    ----------
    folder
        Where to.
    entries, managed
        The plugins: those with an entry, and those that the matrix manages.
    run
        The last run of the matrix, if there was one.
    python
        The interpreter of an environment that has as many of them as possible installed.
    known_good
        Known-good sets, one for each line of core, to be published beside the page.

    Raises
    ------
    MetaCIError
        If a set cannot be read, pins no core, or is of the line of another one.
    """
    sets = _by_line(known_good)
    entered = {each.name: each for each in entries}
    names = sorted({*entered, *managed})
    metadata = json.loads(_said([str(python), "-c", _METADATA, *names]) or "{}")
    plugins = [
        _plugin(name, entered.get(name), metadata.get(name), run, python, official=name in managed)
        for name in names
    ]
    lines = list(dict.fromkeys(_line(each) for each in run.results)) if run else []
    data = {
        "version": 1,
        "made": run.started if run else "",
        "lines": lines,
        "known_good": {line: f"known-good-{line}.txt" for line in sets},
        "plugins": plugins,
    }
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    text = files("anemoi_meta_ci").joinpath("catalogue.html").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for line, pins in sets.items():
        (folder / f"known-good-{line}.txt").write_text(pins, encoding="utf-8")
    (folder / "catalogue.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(environment.from_string(text).render(**data), encoding="utf-8")
    return names


def _by_line(known_good: Iterable[Path]) -> dict[str, str]:
    """The text of each set, by the line of the core that it pins."""
    found: dict[str, str] = {}
    for path in known_good:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MetaCIError(f"The known-good set {path} cannot be read: {error}.") from None
        pinned = _CORE_PIN.search(text)
        if pinned is None:
            raise MetaCIError(f"{path} is no known-good set: it pins no {CORE}.")
        if pinned["line"] in found:
            raise MetaCIError(f"{path} is a second known-good set of {CORE} {pinned['line']}.")
        found[pinned["line"]] = text
    return found


def _plugin(
    name: str,
    entry: Entry | None,
    metadata: Mapping[str, Any] | None,
    run: MatrixRun | None,
    python: Path,
    *,
    official: bool,
) -> dict[str, Any]:
    urls = dict(each.split(", ", 1) for each in (metadata or {}).get("project_url", ()))
    results = [each for each in run.results if (each.kind, each.subject) == ("plugin", name)] if run else []
    stated = [{"kind": kind, "name": one} for kind, one in _offered(entry)] if entry else []
    return {
        "name": name,
        "official": official,
        "summary": (metadata or {}).get("summary") or (entry.summary if entry else ""),
        "owner": entry.owner if entry else "The Anemoi developers",
        "version": (metadata or {}).get("version", ""),
        "licence": (metadata or {}).get("license_expression") or (entry.licence if entry else ""),
        "repository": urls.get("Source") or (entry.repository if entry else ""),
        "documentation": urls.get("Documentation") or (entry.documentation if entry else ""),
        "requires_python": (metadata or {}).get("requires_python", ""),
        "requires": [each for each in (metadata or {}).get("requires_dist", ()) if "extra ==" not in each],
        "install": f"anemoi plugins install {name}",
        "components": (_components(name, python) if metadata else []) or stated,
        "compatibility": _compatibility(results, run.cores if run else {}),
        "conformance": _conformance(results),
    }


def _components(name: str, python: Path) -> list[dict[str, Any]]:
    """What a distribution that is installed offers, with its options where it can be loaded."""
    anemoi = python.with_name("anemoi")
    said = _said([str(anemoi), "plugins", "info", name, "--load", "--json"])
    wanted = ("kind", "name", "description", "state", "reason", "options")
    return [{key: each[key] for key in wanted if key in each} for each in json.loads(said or "[]")]


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def _compatibility(results: Sequence[Result], cores: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each line how many cells are as they should be, of how many that ran."""
    by_line: dict[str, Counter[str]] = {}
    for each in results:
        if each.state not in _ABSENT:
            by_line.setdefault(_line(each), Counter())[each.state] += 1
    return [{**_verdict(line, states), "core": cores.get(line, "")} for line, states in by_line.items()]


def _verdict(line: str, states: Counter[str]) -> dict[str, Any]:
    declared = states["declared-incompatible"]
    ran = states.total() - declared
    good = sum(count for state, count in states.items() if state in GREEN) - declared
    if not ran:
        state = "incompatible"
    elif good == ran:
        state = "works"
    else:
        state = "flaky" if good + states["flaky"] == ran else "fails"
    return {"line": line, "state": state, "good": good, "cells": ran}


def _conformance(results: Sequence[Result]) -> dict[str, int] | None:
    """In how many cells its components kept their contracts; None where none asked."""
    asked = [stage.passed for each in results for stage in each.stages if stage.stage == "conformance"]
    return {"passed": sum(asked), "cells": len(asked)} if asked else None


def _line(result: Result) -> str:
    return result.environment.partition("/")[0]


def _offered(entry: Entry) -> list[tuple[str, str]]:
    return [(_plain(kind), _plain(name)) for kind, names in entry.components.items() for name in names]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: Path) -> Entry:
    try:
        return Entry.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MetaCIError(f"{path} cannot be read: {error}.") from None
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise MetaCIError(f"{path}: {said}.", fix="See docs/catalogue.md for what an entry says.") from None
