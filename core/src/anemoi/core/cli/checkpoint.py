"""``anemoi checkpoint``: what a checkpoint says and needs, told without torch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..checkpoint import Inspection, LockEntry, Mismatch, compare, inspect, targets

_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
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
        click.echo("\n".join(_account(found, mismatches)))


@command.command()
@_file
@click.option("--all", "everything", is_flag=True, help="Also what the training alone needed.")
def requirements(file: Path, everything: bool) -> None:
    """Print what to install to run FILE, as a pip requirements file.

    \b
    anemoi checkpoint requirements model.safetensors > requirements.txt
    pip install -r requirements.txt
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    found = inspect(file)
    needed = {entry.requirement for entry in found.lock if everything or entry.needed}
    core = found.document["provenance"].get("versions", {}).get("anemoi-core")
    click.echo("\n".join(sorted(needed | ({f"anemoi-core=={core}"} if core else set()))))


@command.command()
@_file
@click.option(
    "--metadata",
    "output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to make: what FILE says of itself, without its weights.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there already.")
def export(file: Path, output: Path, overwrite: bool) -> None:
    """Write what FILE says of itself for other tools: anemoi-utils, and `anemoi-inference inspect`.

    \b
    anemoi checkpoint export model.safetensors --metadata model.ckpt
    anemoi-inference inspect model.ckpt --variables
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    from ..checkpoint.exporting import export_metadata

    click.echo(f"Wrote {export_metadata(file, output, overwrite=overwrite)}.")


def _as_json(found: Inspection, mismatches: Mapping[LockEntry, Mismatch]) -> dict[str, Any]:
    lock = [
        {**dataclasses.asdict(entry), "here": mismatches[entry].severity if entry in mismatches else "ok"}
        for entry in found.lock
    ]
    document = dict(found.document)
    document["grid"] = {
        **document["grid"],
        "points": found.nodes["data"],
        "spacing_km": round(found.spacing, 1),
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
    units = document["units"]
    shape = document["grid"].get("field_shape")
    period = provenance.get("training_period") or {}
    model = " + ".join(document["configuration"]["model"][part].get("name", "code") for part in _PARTS)
    facts = {
        "identity": found.identity,
        "forecasts": ", ".join(
            f"{name} [{units[name]}]" if name in units else name for name in document["variables"]
        ),
        "step": document["frequency"],
        "grid": f"{found.nodes['data']} points{f' ({_by(shape)})' if shape else ''}, "
        f"about {found.spacing:.0f} km apart",
        "model": f"{model}; {found.parameters:,} parameters",
        "graph": "; ".join(f"{name} {count}" for name, count in {**found.nodes, **found.edges}.items()),
        "forcings": ", ".join(document["configuration"].get("forcings", ())),
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
    yield from (f"  {name:<12}{text}" for name, text in facts.items() if text)
    yield ""
    yield from _components(found, mismatches)


_PARTS = ("encoder", "processor", "decoder")


def _components(found: Inspection, mismatches: Mapping[LockEntry, Mismatch]) -> Iterator[str]:
    for title, needed in (("A forecast needs", True), ("The training used as well", False)):
        entries = [entry for entry in found.lock if entry.needed is needed]
        if entries:
            yield title
        for entry in entries:
            what = f"{entry.name} ({entry.distribution} {entry.version})"
            here = mismatches[entry].message if entry in mismatches else "ok"
            yield f"  {entry.role:<12}{what:<60} {here}"
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
