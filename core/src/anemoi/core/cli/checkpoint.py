"""``anemoi checkpoint``: what a checkpoint says and needs, told without torch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..checkpoint import Inspection, LockEntry, Mismatch, compare, inspect, targets
from ..checkpoint.document import requirement
from ..errors import CheckpointError
from ..plugins import components, known, normalise, provider
from ..printable import printable
from .groups import OpenGroup

_file = click.argument("file", type=click.Path(path_type=Path))


@click.group(cls=OpenGroup, prefix="checkpoint.")
def command() -> None:
    """Look into a checkpoint, and at what it needs."""


@command.command("inspect")
@_file
@click.option("--json", "as_json", is_flag=True, help="Print all that the checkpoint says, as JSON.")
def inspect_(file: Path, as_json: bool) -> None:
    """Tell what FILE forecasts, where it comes from, and whether it can run here.

    The file is verified against its content hash. Nothing in it is run.
    """
    found = inspect(file)
    mismatches = {mismatch.entry: mismatch for mismatch in compare(found.lock)}
    if as_json:
        click.echo(json.dumps(_as_json(found, mismatches), indent=2))
    else:
        click.echo(printable("\n".join(_account(found, mismatches))))


@command.command()
@_file
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what the training alone needed, its sources, and what writes forecasts.",
)
def requirements(file: Path, everything: bool) -> None:
    """Print what to install to run FILE, as a pip requirements file.

    \b
    anemoi checkpoint requirements model.safetensors > requirements.txt
    pip install -r requirements.txt
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    found = inspect(file)
    core = found.document["provenance"].get("versions", {}).get("anemoi-core")
    try:
        needed = {entry.requirement for entry in found.lock if everything or entry.needed}
        needed |= {requirement("anemoi-core", core)} if core else set()
        if everything:
            needed |= _outputs()
    except ValueError as error:
        raise CheckpointError(
            f"What {file} asks to install is not what pip takes: {error}.",
            fix="Ask who made it: it was not written by `anemoi train`.",
        ) from error
    click.echo("\n".join(sorted(needed)))


def _outputs() -> set[str]:
    """What writes forecasts: the distributions that do so here, and others that are known, in any version."""
    here = {
        normalise(each.distribution): requirement(each.distribution, each.version)
        for each in components("output")
        if each.state == "ok"
    }
    others = {provider("output", name) or "" for name in known("output")} - {"", *here}
    return {*here.values(), *others}


def _as_json(found: Inspection, mismatches: Mapping[LockEntry, Mismatch]) -> dict[str, Any]:
    lock = [
        {**dataclasses.asdict(entry), "here": mismatches[entry].severity if entry in mismatches else "ok"}
        for entry in found.lock
    ]
    document = dict(found.document)
    document["domains"] = {
        name: {**said, "points": found.points[name], "spacing_km": round(found.spacing[name], 1)}
        for name, said in document["domains"].items()
    }
    return {
        "path": str(found.path),
        "size": found.size,
        "format_version": found.format_version,
        "identity": found.identity,
        "parameters": found.parameters,
        **document,
        "graph": {"nodes": dict(found.nodes), "edges": dict(found.edges)},
        "lock": lock,
    }


def _account(found: Inspection, mismatches: Mapping[LockEntry, Mismatch]) -> Iterator[str]:
    document, provenance = found.document, found.document["provenance"]
    period = provenance.get("training_period") or {}
    facts = {
        "identity": found.identity,
        "model": f"{_model(document['configuration'])}; {found.parameters:,} parameters",
        "graph": "; ".join(f"{name} {count}" for name, count in {**found.nodes, **found.edges}.items()),
        "trained on": "; ".join(
            _parent(parent) for parent in provenance.get("parents", ()) if parent.get("kind") != "graph"
        ),
        "period": " to ".join(str(period[end]) for end in ("start", "end") if end in period),
        "made": " by: ".join(filter(None, (provenance.get("created"), provenance.get("command")))),
        "overrides": " ".join(document["overrides"]),
        "with": ", ".join(f"{name} {version}" for name, version in provenance.get("versions", {}).items()),
        "size": f"{found.size / 1e6:.1f} MB, checkpoint format {found.format_version}",
    }
    yield str(found.path)
    for name, said in document["domains"].items():
        if len(document["domains"]) > 1:
            yield f"  domain {name}"
        yield from _lines(_domain(found, name, said))
    yield from _lines(facts)
    yield ""
    yield from _components(found, mismatches)


def _domain(found: Inspection, name: str, said: Mapping[str, Any]) -> dict[str, str]:
    """What a domain is, in words: what it forecasts, what a start needs, and what comes from elsewhere."""
    variables = said["variables"]
    shape, steps = said["field_shape"], said["steps"]

    def listed(*conditions: bool | None, role: str) -> str:
        constant, computed = conditions
        return ", ".join(
            f"{each['name']} [{each['units']}]"
            if "units" in each and role != "forcing"
            else str(each["name"])
            for each in variables
            if each["role"] == role
            and (computed is None or each.get("computed", False) is computed)
            and (constant is None or each.get("constant", False) is constant)
        )

    states = (
        [_hours(seconds) for seconds in steps["inputs"]],
        [_hours(seconds) for seconds in steps["outputs"]],
    )
    return {
        "forecasts": listed(None, None, role="prognostic"),
        "diagnostic": listed(None, None, role="diagnostic"),
        "forcings": listed(False, False, role="forcing"),
        "constants": listed(True, False, role="forcing"),
        "computed": listed(None, True, role="forcing"),
        "step": f"{said['frequency']}: from {', '.join(states[0])} to {', '.join(states[1]) or 'nothing'}",
        "grid": f"{found.points[name]} points{f' ({_by(shape)})' if shape else ''}, "
        f"about {found.spacing[name]:.0f} km apart",
    }


def _lines(facts: Mapping[str, str]) -> Iterator[str]:
    return (f"  {name:<12}{text}" for name, text in facts.items() if text)


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:+g}h" if seconds else "0h"


def _model(configuration: Mapping[str, Any]) -> str:
    """The model by name, with the components within it."""

    def named(spec: Mapping[str, Any]) -> str:
        parts = [named(part) for part in spec.values() if isinstance(part, Mapping)]
        name = str(spec.get("name", "code"))
        return f"{name} ({' + '.join(parts)})" if parts else name

    return named(configuration["model"])


def _components(found: Inspection, mismatches: Mapping[LockEntry, Mismatch]) -> Iterator[str]:
    width = max(21, *(len(entry.role) for entry in found.lock)) + 1
    for title, needed in (("A forecast needs", True), ("The training used as well", False)):
        entries = [entry for entry in found.lock if entry.needed is needed]
        if entries:
            yield title
        for entry in entries:
            what = f"{entry.name} ({entry.distribution} {entry.version})"
            here = mismatches[entry].message if entry in mismatches else "ok"
            yield f"  {entry.role:<{width}}{what:<60} {here}"
    if code := sorted(set(targets(found.document["configuration"]))):
        yield f"It names code outside any plugin, which runs only with --trust-code: {', '.join(code)}"
    needed_fixes = dict.fromkeys(
        mismatch.fix
        for mismatch in mismatches.values()
        if mismatch.entry.needed and mismatch.severity != "content"
    )
    yield from (f"To run it here: {fix}" for fix in needed_fixes)


def _parent(parent: Mapping[str, Any]) -> str:
    return " ".join(str(parent[key]) for key in ("name", "title", "kind", "identity") if key in parent)


def _by(shape: list[int]) -> str:
    return " x ".join(map(str, shape))
