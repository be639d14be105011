"""Options of strangers: they name no file, no host, no variable of the environment, and no code.

The types of a job's options say what each may be, but not those of the components that they name: a plugin's
perturbation may take a path. And what a job writes into its suite is composed again, where ``${oc.env:NAME}``
and ``_target_`` mean something. So every key and every text in a request is looked at, however deep it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from anemoi.core.config import Problem
from anemoi.core.errors import ConfigError

DEPTH: Final = 20
"""How deep options may be."""

LENGTH: Final = 10_000
"""How long a text may be."""

_PLACE: Final = re.compile(
    r"[/~]|[A-Za-z]:[/\\]|.*(?:://|::|\\)|(?:.*/)?\.\.(?:/|$)|file:", re.IGNORECASE | re.DOTALL
)
"""Absolute paths, home directories, drives, URLs and their chains, ways up."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check(options: Mapping[str, Any]) -> None:
    """Refuse options that no stranger gives to a job.

    Raises
    ------
    ConfigError
        With everything that is wrong with them.
    """
    if found := list(_problems(options, "", 0)):
        raise ConfigError(
            "\n".join(map(str, found)),
            fix="Name models, sources, outputs and results as the server lists them.",
            problems=found,
        )


def _problems(value: Any, at: str, depth: int) -> Iterator[Problem]:
    if depth > DEPTH:
        yield Problem(at[:100], f"deeper than {DEPTH} levels.")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            name = str(key)
            if name.startswith("_") or not name.isprintable() or "$" in name or len(name) > 100:
                yield Problem(at or "options", f"has a key {name[:100]!r}, which is none of an option.")
            else:
                yield from _problems(each, f"{at}.{name}" if at else name, depth + 1)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from _problems(each, f"{at}[{number}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(at, f"{value} is no number.")
    elif isinstance(value, str):
        why = _why_not(value)
        if why is not None:
            yield Problem(at, f"{value[:100]!r} {why}.")


def _why_not(text: str) -> str | None:
    """What is wrong with a text; None if nothing is."""
    if len(text) > LENGTH:
        return f"is longer than {LENGTH} characters"
    if "${" in text:
        return "refers to another value"
    if _PLACE.match(text):
        return "names a place on the server or in the network"
    return "has control characters" if _CONTROL.search(text) else None
