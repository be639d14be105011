"""Refuses recipes that are larger than they look: nested without end, or multiplied by aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from anemoi.core.errors import ConfigError

BYTES: Final = 1 << 20
"""How long a recipe may be: a hundred times as long as any that a person writes."""

DEPTH: Final = 32
NODES: Final = 20_000
"""How deep values may lie in each other, and how many there may be where aliases stand for what they name."""


def check_recipe(path: Path) -> None:
    """Check a recipe event by event, before anything is made of it. What is no YAML is told by who reads it.

    Raises
    ------
    ConfigError
        If it is too long, too deep, has too many values, or an alias that stands for what it lies in.
    """
    import yaml

    try:
        if path.stat().st_size > BYTES:
            raise _refused(path, f"it is longer than {BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    sizes: dict[str, int] = {}
    inside: list[tuple[str | None, int]] = []  # the anchor, and the nodes before, of each that is open
    nodes = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                inside.append((event.anchor, nodes))
                nodes += 1
                if len(inside) > DEPTH:
                    raise _refused(path, f"values lie more than {DEPTH} deep in each other", event)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = inside.pop()
                if anchor is not None:
                    sizes[anchor] = nodes - before
            elif isinstance(event, yaml.ScalarEvent):
                nodes += 1
                if event.anchor is not None:
                    sizes[event.anchor] = 1
            elif isinstance(event, yaml.AliasEvent):
                if any(anchor == event.anchor for anchor, _ in inside):
                    raise _refused(path, f"the alias *{event.anchor} stands for what it lies in", event)
                nodes += sizes.get(str(event.anchor), 1)
            if nodes > NODES:
                raise _refused(path, f"it has more than {NODES:,} values, aliases written out", event)
    except yaml.YAMLError:
        return


def _refused(path: Path, why: str, event: object = None) -> ConfigError:
    mark = getattr(event, "start_mark", None)
    where = path if mark is None else f"{path}:{mark.line + 1}"
    return ConfigError(f"{where}: a recipe is not read where {why}.", fix="Write it out, and shorter.")
