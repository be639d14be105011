"""A recipe of anemoi-graphs as plain values: its interpolations followed, its options taken one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from anemoi.core.errors import ConfigError

GIVEN = "???"
"""A value that a user must give."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_DEPTH = 20


class Missing(str):
    """A value that the recipe takes from elsewhere: ``${...}``, which only its user can give."""

    __slots__ = ()


@dataclass
class Log:
    """What there is to say about a translation.

    Parameters
    ----------
    noted
        Where the two differ: the places of each difference.
    refused
        What has no counterpart.
    """

    noted: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def note(self, where: str, text: str) -> None:
        """Say how the translation differs."""
        self.noted.setdefault(text, []).append(where)

    def refuse(self, where: str, text: str) -> None:
        """Say what cannot be translated."""
        self.refused.append(f"{where}: {text}")

    @property
    def notes(self) -> tuple[str, ...]:
        """Each difference once, with the first place and how many more there are."""
        return tuple(
            f"{places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''}: {text}"
            for text, places in self.noted.items()
        )


class Options:
    """The options of one class of anemoi-graphs; those that nobody takes have no counterpart."""

    def __init__(self, where: str, values: Any, log: Log) -> None:
        if not isinstance(values, Mapping) or not isinstance(values.get("_target_"), str):
            raise ConfigError(f"{where} names no class: there is no _target_.")
        self.where, self.log = where, log
        self.target: str = values["_target_"]
        self._rest = {name: value for name, value in values.items() if name != "_target_"}

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.target.rpartition(".")[2]

    def take(self, name: str, default: Any = None) -> Any:
        """The value of an option."""
        return self._rest.pop(name, default)

    def note(self, text: str) -> None:
        """Say how the translation of this class differs."""
        self.log.note(self.where, text)

    def refuse(self, text: str) -> None:
        """Say what of this class cannot be translated."""
        self.log.refuse(self.where, f"{self.name}: {text}")

    def finish(self) -> None:
        """Refuse the options that are left."""
        for name, value in self._rest.items():
            if value is not None:
                self.refuse(f"the option {name} has no counterpart")


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a recipe of anemoi-graphs, interpolations followed as far as they lead within the file.

    It is a file of the configuration group ``graph``, or a whole configuration with that key.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no recipe.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    whole = document if isinstance(document, dict) else {}
    graph = whole.get("graph") if isinstance(whole.get("graph"), dict) else whole
    if not isinstance(graph, dict) or not isinstance(graph.get("nodes"), dict):
        raise ConfigError(
            f"{path} is not a recipe of anemoi-graphs: it has no nodes.",
            fix="Give a file of its configuration group graph. One that loads a finished graph has no "
            "recipe: convert the graph itself, a .pt file.",
        )
    found = _followed(graph, {**whole, "graph": graph}, 0)
    assert isinstance(found, dict)
    return found


def placeholders(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where values must be given, and what the recipe said there."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from placeholders(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from placeholders(each, f"{path}[{number}]")
    elif isinstance(value, Missing) or value == GIVEN:
        yield path, str(value)


def plain(value: Any) -> Any:
    """The same with ``???`` where values must be given."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return GIVEN if isinstance(value, Missing) else value


def _followed(value: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEPTH:
        raise ConfigError("The interpolations of the recipe lead in circles.")
    if isinstance(value, dict):
        return {key: _followed(each, root, depth) for key, each in value.items()}
    if isinstance(value, list):
        return [_followed(each, root, depth) for each in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    found = _at(root, whole[1]) if whole else None
    return Missing(value) if found is None else _followed(found, root, depth + 1)


def _at(root: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None if there is none."""
    found: Any = root
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found
