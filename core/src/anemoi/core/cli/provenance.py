"""``anemoi provenance``: where a file comes from, and whether it still is what it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from ..lineage import read, title, verify
from ..printable import printable

if TYPE_CHECKING:
    from rich.tree import Tree


_WHOLE: Final = 1 << 20


class _FileFirst(click.Group):
    """A group whose first argument may be a file, which is then shown."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # An option before the file is one of showing.
        if args and args[0] in ("--json", "--dot"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FileFirst)
def command() -> None:
    """Show where a checkpoint, a data set, a forecast or a report comes from.

    \b
    anemoi provenance forecast.nc
    anemoi provenance forecast.nc --dot | dot -Tsvg > forecast.svg
    anemoi provenance verify forecast.nc
    """  # noqa: D301 (click needs the \b, which a raw string has not)


@command.command()
@click.argument("file")
@click.option("--json", "form", flag_value="json", help="Print all that it says, as JSON.")
@click.option("--dot", "form", flag_value="dot", help="Print a graph in the language of Graphviz.")
def show(file: str, form: str | None) -> None:
    """Show where FILE comes from, back to the data."""
    found = read(file)
    about = {"path": found.path, **found.provenance}
    if form == "json":
        click.echo(json.dumps(about, indent=2))
    elif form == "dot":
        click.echo("\n".join(_dot(about)))
    else:
        from rich.console import Console

        console = Console(highlight=False, markup=False)
        if not console.is_terminal:  # which wraps long lines within the tree; from a pipe they are whole
            console.width = _WHOLE
        console.print(_tree(about))


@command.command("verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def verify_(files: tuple[str, ...]) -> None:
    """Compute the hash of each FILE anew, and of those it was made from that are still there.

    The exit code is 1 if one is not what it was, or cannot be read. What could not be computed where a parent
    is not there any more, or keeps no hash, is no fault.
    """
    fault = False
    for file in files:
        for number, finding in enumerate(verify(file)):
            click.echo(printable(f"{finding.status:<12}{finding.artefact}: {finding.reason}"))
            fault |= finding.status in ("differs", "unreadable", *(() if number else ("absent",)))
    if fault:
        raise click.exceptions.Exit(1)


def _tree(about: Mapping[str, Any]) -> Tree:
    from rich.tree import Tree

    facts = (f"  {name:<10}{text}" for name, text in _facts(about) if text)
    tree = Tree(printable("\n".join([title(about), *facts])))
    for parent in about.get("parents", ()):
        tree.children.append(_tree(parent))
    return tree


def _facts(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "what", str(about.get("description", ""))
    yield "made", str(about.get("created", ""))
    yield "by", str(about.get("command", ""))
    yield "overrides", " ".join(about.get("overrides", ()))
    versions = [f"{name} {version}" for name, version in about.get("versions", {}).items()]
    locked = about.get("lock") or about.get("plugins") or ()
    plugins = dict.fromkeys(f"{each['distribution']} {each['version']}" for each in locked)
    yield "with", ", ".join([*versions, *plugins])
    yield "content", str(about.get("content", "")) if about.get("content") != about.get("identity") else ""
    yield "licence", str(about.get("licence", ""))


def _dot(about: Mapping[str, Any]) -> Iterator[str]:
    """Each artefact once, with an arrow to what was made from it."""
    nodes: dict[str, str] = {}
    arrows: dict[str, None] = {}

    def visit(each: Mapping[str, Any]) -> str:
        identity = json.dumps(str(each.get("identity", title(each))))
        lines = [each.get("kind", "artefact"), each.get("path"), each.get("description"), each.get("created")]
        nodes[identity] = json.dumps("\n".join(str(line) for line in lines if line))
        for parent in each.get("parents", ()):
            arrows[f"  {visit(parent)} -> {identity};"] = None
        return identity

    visit(about)
    yield "digraph provenance {"
    yield "  node [shape=box];"
    yield from (f"  {identity} [label={label}];" for identity, label in nodes.items())
    yield from arrows
    yield "}"
