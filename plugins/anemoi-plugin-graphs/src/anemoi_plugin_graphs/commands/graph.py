"""``anemoi graph``: build graphs, and look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from anemoi.core.graph import Graph

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Build graphs from recipes, and look at them."""


@command.command()
@click.argument("overrides", nargs=-1)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write, .safetensors."
)
def build(overrides: tuple[str, ...], output: Path) -> None:
    """Build the graph that OVERRIDES choose, on the points of the data, and write it.

    They are those of `anemoi train`: data=NAME, graph=NAME, graph.refinement=5. A training takes the graph
    by `graph=file graph.path=FILE`.
    """
    from anemoi.core.provenance import provenance

    from ..building import build_graph
    from ..graph_file import write_graph

    graph, spec, parents = build_graph(overrides)
    write_graph(output, graph, provenance(parents=parents, kind="graph", configuration=spec))
    _print(graph)
    click.echo(f"Written to {output}.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
def describe(file: Path, as_json: bool) -> None:
    """Describe the graph in FILE, a graph or a checkpoint: its nodes and edges, their degrees and lengths."""
    from ..description import describe as described

    graph, found = _read(file)
    if as_json:
        click.echo(json.dumps({**described(graph).to_dict(), "provenance": found}, indent=2))
    else:
        _print(graph)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="The file to write; a recipe is printed without."
)
@click.option("--skip", is_flag=True, help="Leave out the parts of a recipe that have no counterpart.")
def convert(file: Path, output: Path | None, skip: bool) -> None:
    """Bring FILE over from anemoi-graphs, or to it.

    A recipe of it (.yaml) becomes one for the configuration group graph; a graph (.pt, HeteroData of
    torch-geometric) becomes a graph file (.safetensors), and a graph file HeteroData.
    """
    from ..conversion.files import convert as converted

    text, remarks = converted(file, output, skip=skip)
    click.echo(text, nl=False)
    for remark in remarks:
        click.echo(remark)
    if output is not None:
        click.echo(f"Written to {output}.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write, .html or .png."
)
@click.option(
    "--show", multiple=True, help="A set of nodes (hidden) or edges (hidden:data) to draw; repeat it."
)
@click.option(
    "--view",
    type=(click.FloatRange(-90, 90), float),
    metavar="LATITUDE LONGITUDE",
    help="The middle of the picture.",
)
@click.option("--title", help="The title; the name of the file by default.")
def plot(
    file: Path, output: Path, show: tuple[str, ...], view: tuple[float, float] | None, title: str | None
) -> None:
    """Draw the graph in FILE, a graph or a checkpoint: a globe in a page to turn and click, or an image."""
    from ..plotting.files import plot as drawn

    graph, _ = _read(file)
    drawn(graph, output, title=file.stem if title is None else title, shown=show, view=view)
    click.echo(f"Written to {output}.")


def _read(file: Path) -> tuple[Graph, Mapping[str, Any]]:
    """The graph of a graph file or of a checkpoint, and where it comes from."""
    from anemoi.core.checkpoint import load
    from anemoi.core.errors import CheckpointError, DataError

    from ..graph_file import read_graph

    try:
        return read_graph(file)
    except DataError as error:
        if not file.is_file():
            raise
        try:
            checkpoint = load(file)
        except CheckpointError:
            raise error from None
        if checkpoint.graph is None:
            raise DataError(f"The model of {file} has no graph.") from None
        return checkpoint.graph, checkpoint.as_parent()


def _print(graph: Graph) -> None:
    from anemoi.core.cli.table import print_table

    from ..description import bars
    from ..description import describe as described

    found = described(graph)
    print_table(
        ["nodes", "count", "latitudes", "attributes"],
        [
            [
                each.name,
                f"{each.count:,}",
                f"{each.south:.1f} to {each.north:.1f}",
                ", ".join(each.attributes),
            ]
            for each in found.nodes
        ],
    )
    click.echo()
    print_table(
        ["edges", "count", "sources of a target", "", "length, km", "", "attributes"],
        [
            [
                f"{each.source} -> {each.target}",
                f"{each.count:,}",
                f"{each.fewest} to {each.most}, mean {each.mean:.1f}",
                bars(each.degrees),
                f"{each.shortest_km:,.0f} to {each.longest_km:,.0f}, mean {each.mean_km:,.0f}",
                bars(each.lengths),
                ", ".join(each.attributes),
            ]
            for each in found.edges
        ],
    )
    for each in found.edges:
        if each.alone:
            click.echo(f"{each.alone:,} {each.target} hear no {each.source}.")
        if each.unheard:
            click.echo(f"{each.unheard:,} {each.source} are heard by no {each.target}.")
    click.echo(found.identity)
