"""Conversion of a file: what it is decides what becomes of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from anemoi.core.errors import ConfigError
from anemoi.core.files import write_whole
from anemoi.core.provenance import provenance

from ..graph_file import read_graph, write_graph
from .heterodata import read_heterodata, write_heterodata
from .recipe import require, translate

RECIPES, PICKLES, GRAPHS = (".yaml", ".yml"), (".pt", ".pth"), (".safetensors",)


def convert(path: Path, output: Path | None, *, skip: bool) -> tuple[str, tuple[str, ...]]:
    """Convert a recipe or a graph of anemoi-graphs, or a graph for it.

    Returns
    -------
    str, tuple
        The recipe, if it is one and there is no ``output``, and what there is to say.

    Raises
    ------
    AnemoiError
        If the file cannot be converted, or the output has another kind of name.
    """
    suffix = path.suffix.lower()
    if suffix in RECIPES:
        return _recipe(path, output, skip=skip)
    if suffix in PICKLES:
        target = _output(output, GRAPHS)
        graph, left_out = read_heterodata(path)
        parent = {"identity": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}", "kind": "graph"}
        write_graph(target, graph, provenance(parents=[parent], kind="graph"))
        return "", tuple(f"left out: {each}" for each in left_out)
    if suffix in GRAPHS:
        target = _output(output, PICKLES)
        write_heterodata(target, read_graph(path)[0])
        return "", ()
    raise ConfigError(
        f"{path} cannot be converted: its name ends in none of {', '.join((*RECIPES, *PICKLES, *GRAPHS))}.",
        fix="Give a recipe (.yaml) or a graph (.pt) of anemoi-graphs, or a graph of `anemoi graph build`.",
    )


def _recipe(path: Path, output: Path | None, *, skip: bool) -> tuple[str, tuple[str, ...]]:
    translation = translate(path)
    require(translation, path, skip=skip)
    text = translation.to_yaml()
    if output is None:
        return text, ()
    try:
        write_whole(_output(output, RECIPES), text.encode())
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror or error}.") from error
    return "", translation.remarks


def _output(output: Path | None, suffixes: tuple[str, ...]) -> Path:
    if output is None or output.suffix.lower() not in suffixes:
        raise ConfigError(
            f"The result is a {suffixes[0]} file, not {output}." if output else "Where is the result to go?",
            fix=f"Name a file: --output FILE{suffixes[0]}",
        )
    return output
