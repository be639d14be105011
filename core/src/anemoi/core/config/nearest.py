"""Suggestions for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ..plugins import components, kinds, normalise
from ..plugins import provider as known_provider

_MANY = 15


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the ``known`` names is nearest to ``name``, and all of them unless they are many."""
    names = sorted(set(known))
    if not names:
        return "There are none."
    close = difflib.get_close_matches(name, names, n=1)
    listed = f"There are: {', '.join(names[:_MANY])}{', ...' if len(names) > _MANY else '.'}"
    if not close:
        return listed
    return f"Did you mean {close[0]!r}?" + (f" {listed}" if len(names) <= _MANY else "")


def provider(name: str) -> str:
    """Say which distribution, absent or unusable here, has a component called ``name``; else nothing."""
    found = components()
    for each in found:
        if normalise(each.name) == normalise(name) and each.state != "ok":
            refused = (
                f"{each.distribution} has the {each.kind} {name!r}, which is {each.state}: {each.reason}"
            )
            return f"{refused}\n{each.fix}".rstrip()
    installed = {normalise(each.distribution) for each in found}
    for kind in kinds():
        distribution = known_provider(kind, name)
        if distribution and normalise(distribution) not in installed:
            return f"{distribution} brings the {kind} {name!r}: pip install {distribution}"
    return ""


def unknown_key(values: Mapping[str, Any], key: str, more: Iterable[str] = ()) -> str:
    """Say which key of ``values`` is nearest to the dotted ``key``, at the depth where it goes wrong.

    Parameters
    ----------
    values
        Nested mappings.
    key
        The key that is not there.
    more
        What else there might have been at the top.
    """
    section: Any = values
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(section, Mapping):
            return f"{'.'.join(parts[:depth])!r} is a value, not a section."
        if part not in section:
            names = [*section, *more] if depth == 0 else section
            return nearest(".".join(parts[: depth + 1]), [".".join([*parts[:depth], name]) for name in names])
        section = section[part]
    return ""
