"""Composes YAML, and refuses what is larger than it looks: nested without end, or multiplied by aliases."""

from __future__ import annotations

from typing import Any, Final

import yaml

from ..errors import ConfigError

BYTES: Final = 1 << 20
"""The longest file: a hundred times as long as any that a person writes."""

DEPTH: Final = 32
NODES: Final = 20_000
"""The deepest nesting, and the number of values once aliases are written out."""


def compose(text: str, where: str) -> yaml.Node | None:
    """Compose YAML to its nodes; None if it holds none.

    Parameters
    ----------
    text
        The YAML.
    where
        Its file, or the option that it is the value of.

    Raises
    ------
    ConfigError
        If it is too long or too deep, has too many values, or an alias inside what it stands for.
    yaml.YAMLError
        If it is not YAML.
    """
    check_length(len(text), where)
    loader = _Bounded(text, where)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def check_length(length: int, where: str) -> None:
    """Check how long YAML is, before it is read.

    Raises
    ------
    ConfigError
        If it is too long.
    """
    if length > BYTES:
        raise _refused(where, f"longer than {BYTES:,} bytes")


class _Bounded(yaml.SafeLoader):
    def __init__(self, text: str, where: str) -> None:
        super().__init__(text)
        self._where, self._depth, self._nodes = where, 0, 0
        self._sizes: dict[int, int] = {}  # of each node that is whole

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        before = self._nodes
        place = f"{self._where}:{event.start_mark.line + 1}"
        if self._depth == DEPTH:
            raise _refused(place, f"values lie more than {DEPTH} deep in each other")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if not isinstance(event, yaml.AliasEvent):
            self._nodes += 1
            self._sizes[id(node)] = self._nodes - before
        elif id(node) in self._sizes:
            self._nodes += self._sizes[id(node)]
        else:
            raise _refused(place, f"the alias *{event.anchor} stands for what it lies in")
        if self._nodes > NODES:
            raise _refused(place, f"more than {NODES:,} values, aliases written out")
        return node


def _refused(place: str, why: str) -> ConfigError:
    return ConfigError(f"{place}: {why}.", fix="Write it out, and shorter.")
