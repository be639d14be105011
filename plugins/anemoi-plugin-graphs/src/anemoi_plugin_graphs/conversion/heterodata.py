"""Graphs as HeteroData of torch-geometric, the files of anemoi-graphs: read, and written."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anemoi.core.errors import AbsentError, AnemoiError, ConfigError, DataError
from anemoi.core.files import write_whole
from anemoi.core.graph import Edges, Graph, Nodes
from torch import Tensor

from .unpickling import Container, read_containers

RELATION = "to"
"""The middle of the names that anemoi-graphs gives to edges."""


def read_heterodata(path: Path) -> tuple[Graph, tuple[str, ...]]:
    """Read a graph of anemoi-graphs, without running code from its file.

    Attributes of several columns get a number for each: ``edge_dirs_0``, ``edge_dirs_1``.

    Returns
    -------
    Graph, tuple
        The graph, and what of the file is not in it.

    Raises
    ------
    DataError
        If there is no such file, it is truncated, or holds anything but a graph of places.
    """
    data = read_containers(path)
    try:
        nodes, edges, left_out = _parts(data)
        return Graph(nodes, edges), left_out
    except AnemoiError as error:
        raise DataError(f"{path} is no graph of places: {error.what}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path} is no graph of places: {error!r} is missing or of another shape") from error


def write_heterodata(path: Path, graph: Graph) -> None:
    """Write a graph as anemoi-graphs does: places in radians, float32.

    Columns whose names differ by a number at the end are one attribute.

    Raises
    ------
    AbsentError
        Without torch-geometric.
    ConfigError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(heterodata(graph), buffer)
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix=f"Check that the directory {path.parent} exists, can be written and has room.",
        ) from error


def heterodata(graph: Graph) -> Any:
    """The same as ``torch_geometric.data.HeteroData``."""
    try:
        from torch_geometric.data import HeteroData
    except ImportError as error:
        raise AbsentError(
            "HeteroData needs the package torch-geometric, which is not installed.",
            requirement="anemoi-plugin-graphs[heterodata]",
            fix='Install it: pip install "anemoi-plugin-graphs[heterodata]"',
        ) from error
    data = HeteroData()
    for name, nodes in graph.nodes.items():
        places = torch.stack([nodes.latitudes, nodes.longitudes], dim=-1)
        data[name].x = torch.deg2rad(places).to(torch.float32)
        for attribute, values in nodes.attributes.items():
            column = values[:, None]
            data[name][attribute] = column if column.dtype == torch.bool else column.to(torch.float32)
    for (source, target), edges in graph.edges.items():
        store = data[source, RELATION, target]
        store.edge_index = torch.stack([edges.source, edges.target])
        for attribute, columns in grouped(edges.attribute_names).items():
            store[attribute] = edges.attributes[:, columns]
    return data


def grouped(names: tuple[str, ...]) -> dict[str, list[int]]:
    """The columns of each attribute: ``a_0``, ``a_1``, ... are one, ``a``."""
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        numbered = re.fullmatch(r"(.+)_(\d+)", name)
        own = numbered[1] if numbered else name
        first = int(numbered[2]) == len(found.get(own, [])) if numbered else own not in found
        found.setdefault(own if first else name, []).append(column)
    return found


def _parts(data: Container) -> tuple[dict[str, Nodes], dict[tuple[str, str], Edges], tuple[str, ...]]:
    left_out: list[str] = []
    nodes = {}
    for name, store in vars(data)["_node_store_dict"].items():
        mapping = dict(vars(store)["_mapping"])
        places = torch.rad2deg(mapping.pop("x").to(torch.float64))  # (nodes, 2)
        if places.ndim != 2 or places.shape[1] != 2 or not bool(places.isfinite().all()):
            raise DataError(f"the places of {name} are not a finite latitude and longitude for each")
        if not bool((places[:, 0].abs() <= 90.0 + 1e-4).all()):
            raise DataError(f"{name} has latitudes beyond the poles")
        attributes = {}
        for attribute, values in mapping.items():
            if isinstance(values, Tensor) and values.shape in ((len(places),), (len(places), 1)):
                kind = torch.bool if values.dtype == torch.bool else torch.float64
                attributes[attribute] = values.reshape(-1).to(kind)
            else:
                left_out.append(f"nodes {name}: {attribute}")
        nodes[name] = Nodes(
            places[:, 0].clamp(-90.0, 90.0).contiguous(), places[:, 1].contiguous(), attributes
        )
    edges: dict[tuple[str, str], Edges] = {}
    for (source, _, target), store in vars(data)["_edge_store_dict"].items():
        if (source, target) in edges:
            raise DataError(f"there are two sets of edges {source} -> {target}")
        edges[source, target] = _edges(vars(store)["_mapping"], f"edges {source} -> {target}", left_out)
    return nodes, edges, tuple(left_out)


def _edges(mapping: Mapping[str, Any], where: str, left_out: list[str]) -> Edges:
    index = mapping["edge_index"].to(torch.int64)  # (2, edges)
    source, target = index
    names: list[str] = []
    columns: list[Tensor] = [torch.empty((len(source), 0))]
    for attribute, values in mapping.items():
        if attribute == "edge_index":
            continue
        if not isinstance(values, Tensor) or values.ndim not in (1, 2) or len(values) != len(source):
            left_out.append(f"{where}: {attribute}")
            continue
        found = values.reshape(len(source), int(np.prod(values.shape[1:]))).to(torch.float32)
        columns.append(found)
        several = found.shape[1] > 1
        names += [f"{attribute}_{number}" if several else attribute for number in range(found.shape[1])]
    return Edges.sorted(source, target, torch.cat(columns, dim=1), tuple(names))
