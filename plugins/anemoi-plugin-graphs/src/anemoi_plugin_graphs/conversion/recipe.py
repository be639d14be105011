"""A recipe of anemoi-graphs as one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from anemoi.core.errors import ConfigError
from anemoi.core.graph import HIDDEN

from .attributes import edge_attributes, node_attributes
from .edges import EDGES, Ends
from .nodes import AREA, NODES, Laid
from .reading import GIVEN, Log, Missing, Options, placeholders, plain, read_recipe

PACKAGE = "anemoi.graphs."
_UNNEEDED = ("SortEdgeIndexBySourceNodes", "SortEdgeIndexByTargetNodes", "RemoveSelfEdges")


@dataclass(frozen=True)
class Translation:
    """A recipe, and what there is to say about it.

    Parameters
    ----------
    recipe
        The options of the graph builder ``recipe``.
    given
        The values that must be given, each with what the original says there.
    notes, refused
        Where numbers will differ, and what has no counterpart.
    """

    recipe: dict[str, Any]
    given: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that there is to say, a line each."""
        given = (f"{path}{f', there {said}' if said != GIVEN else ''}" for path, said in self.given)
        return (
            *self.notes,
            *(f"left out: {each}" for each in self.refused),
            *(f"to be given: {each}" for each in given),
        )

    def to_yaml(self) -> str:
        """The file, with what there is to say as comments."""
        text = yaml.safe_dump(self.recipe, sort_keys=False, default_flow_style=None, width=110)
        return "".join(f"# {line}\n" for line in self.remarks) + text


def translate(path: Path) -> Translation:
    """Translate a recipe of anemoi-graphs 0.9.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no recipe.
    """
    document, log = read_recipe(path), Log()
    names = _names(document["nodes"], log)
    document = _renamed(document, names)
    laid = {name: _laid(name, each, log) for name, each in document["nodes"].items()}
    attributes = {name: dict(each.attributes) for name, each in laid.items()}
    for name, each in document["nodes"].items():
        own = (each or {}).get("attributes") or {}
        attributes[name] |= node_attributes(f"nodes.{name}.attributes", own, laid[name], log)
    recipe: dict[str, Any] = {
        "name": "recipe",
        "attributes": {name: each for name, each in attributes.items() if each},
        "nodes": {name: each.spec for name, each in laid.items() if each.spec is not None},
        "edges": _edges(document.get("edges") or [], laid, log),
        "keep": {name: each.keep for name, each in laid.items() if each.keep},
        "remove_unconnected": [],
    }
    for number, each in enumerate(document.get("post_processors") or []):
        _post_process(Options(f"post_processors[{number}]", each, log), recipe, log)
    recipe = {key: value for key, value in recipe.items() if value or key in ("nodes", "edges")}
    return Translation(plain(recipe), tuple(placeholders(recipe)), log.notes, tuple(log.refused))


def _names(nodes: Mapping[str, Any], log: Log) -> dict[str, str]:
    """What nodes are called here: of the levels hidden_1, hidden_2, ... the first is ``hidden``."""
    levels = sorted(int(found[1]) for name in nodes if (found := re.fullmatch(r"hidden_(\d+)", name)))
    if HIDDEN in nodes or not levels:
        return {}
    new = {f"hidden_{level}": f"hidden_{number}" if number else HIDDEN for number, level in enumerate(levels)}
    for old, name in new.items():
        log.note(f"nodes.{old}", f"called {name} here")
    return new


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same with other names of nodes, wherever they are named."""
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) and not isinstance(value, Missing) else value


def _known(options: Options, table: Mapping[str, Any], what: str) -> Any:
    """The translation of a class; None, and said, if there is none."""
    found = table.get(options.name) if options.target.startswith(PACKAGE) else None
    if found is None:
        options.log.refuse(options.where, f"{options.target}: no {what} of ours does the same")
    return found


def _laid(name: str, each: Any, log: Log) -> Laid:
    options = Options(f"nodes.{name}", (each or {}).get("node_builder"), log)
    translation = _known(options, NODES, "node builder")
    if translation is None:
        return Laid({"name": GIVEN})
    laid: Laid = translation(options)
    options.finish()
    return laid


def _edges(entries: list[Any], laid: Mapping[str, Laid], log: Log) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, entry in enumerate(entries):
        ends = Ends(entry.get("source_name", GIVEN), entry.get("target_name", GIVEN), laid)
        by: dict[tuple[str | None, str | None], dict[str, Any]] = {}
        for place, each in enumerate(_flat(entry.get("edge_builders"))):
            options = Options(f"edges[{number}].edge_builders[{place}]", each, log)
            masks = options.take("source_mask_attr_name"), options.take("target_mask_attr_name")
            translation = _known(options, EDGES, "edge builder")
            spec = translation(options, ends) if translation is not None else None
            options.finish()
            if spec is not None:
                own = by.setdefault(masks, {})
                own[spec["name"] if spec["name"] not in own else f"{spec['name']}_{len(own) + 1}"] = spec
        attributes = edge_attributes(f"edges[{number}].attributes", entry.get("attributes") or {}, log)
        for (source_mask, target_mask), joins in by.items():
            join = {"source": ends.source, "target": ends.target, "by": joins, "no_target_alone": False}
            if source_mask or target_mask:
                join |= {"source_mask": source_mask, "target_mask": target_mask}
            masked = {"source": source_mask, "target": target_mask}
            if any(own.get("factor") and masked[own["of"]] for own in joins.values()):
                log.note(
                    f"edges[{number}]", "the factor multiplies the distance between nodes of the mask alone"
                )
            both = ends.source, ends.target
            before = [own for own in found.values() if (own["source"], own["target"]) == both]
            if not before:
                join["attributes"] = attributes
            label = f"{ends.source}_to_{ends.target}"
            found[f"{label}_part_{len(before) + 1}" if before else label] = join
    return found


def _flat(builders: Any) -> list[Any]:
    """Edge builders, also where a list of them stands in the list."""
    several = builders if isinstance(builders, list) else [builders] if builders else []
    return [each for one in several for each in (_flat(one) if isinstance(one, list) else [one])]


def _post_process(options: Options, recipe: dict[str, Any], log: Log) -> None:
    if options.name in _UNNEEDED:
        return
    if options.name == "RestrictEdgeLength":
        ends = options.take("source_name"), options.take("target_name")
        longest = options.take("max_length_km")
        for join in recipe["edges"].values():
            if (join["source"], join["target"]) == ends:
                join["longest_km"] = longest
    elif options.name in ("RemoveUnconnectedNodes", "SubsetNodesInArea"):
        options.take("save_mask_indices_to_attr")
        named = options.take("nodes_name")
        for name in named if isinstance(named, list) else [named]:
            _without(name, options, recipe)
    else:
        options.refuse("no step after building is like it")
    options.finish()


def _without(name: str, options: Options, recipe: dict[str, Any]) -> None:
    """Take nodes out of one set."""
    if name not in recipe["nodes"]:
        options.refuse(f"{name} are the points of data: choose among them where the data are read")
    elif options.name == "RemoveUnconnectedNodes":
        options.note("nodes that only others of the same set are joined to are taken out too")
        recipe["remove_unconnected"].append(name)
    elif name in recipe["keep"]:
        options.refuse(f"{name} are chosen by another mask already: combine the two")
    else:
        area = options.take("area", [40, 10, 30, 20])
        options.note("nodes are chosen before they are joined")
        box = dict(zip(("north", "west", "south", "east"), map(float, area), strict=True))
        recipe["attributes"].setdefault(name, {})[AREA] = {"name": "in-area", **box}
        recipe["keep"][name] = AREA


def require(translation: Translation, path: Path, *, skip: bool) -> None:
    """Refuse a recipe of which something has no counterpart, unless that may be left out.

    Raises
    ------
    ConfigError
        With all that has none.
    """
    if translation.refused and not skip:
        raise ConfigError(
            f"{path} has {len(translation.refused)} parts without a counterpart:\n  "
            + "\n  ".join(translation.refused),
            fix="Leave them out: --skip",
        )
