"""Search what plugins there are: the names that core knows, or a catalogue as meta-CI publishes it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PluginError
from ._catalogue import known, known_kinds, provider
from ._kinds import normalise

_SECONDS = 20


@dataclass(frozen=True)
class KnownComponent:
    """A component that a catalogue lists, installed here or not.

    Parameters
    ----------
    kind, name, distribution
        What it is, what it is called, and what brings it.
    description
        What it does, in one line; empty where only its name is known.
    version
        The last release of its distribution, where it is known.
    works_with
        The lines of core that it was proved to work with.
    install
        The command that brings it.
    """

    kind: str
    name: str
    distribution: str
    description: str = ""
    version: str = ""
    works_with: str = ""
    install: str = ""


def search(words: Sequence[str], catalogue: str | None = None) -> list[KnownComponent]:
    """The components in which every word occurs, in their names, kinds, distributions or descriptions.

    Parameters
    ----------
    words
        What to look for; case does not count, nor does the difference between ``-``, ``_`` and ``.``.
    catalogue
        The path or URL of a ``catalogue.json``; None is the list of names that comes with core.

    Raises
    ------
    PluginError
        If the catalogue cannot be read.
    """
    everything = _embedded() if catalogue is None else _listed(catalogue)
    asked = [normalise(word) for word in words]
    found = [each for each in everything if all(word in _text(each) for word in asked)]
    return sorted(found, key=lambda each: (each.kind, each.name, each.distribution))


def _text(component: KnownComponent) -> str:
    parts = (component.kind, component.name, component.distribution, component.description)
    return " ".join(map(normalise, parts))


def _embedded() -> Iterator[KnownComponent]:
    for kind in known_kinds():
        for name in known(kind):
            distribution = provider(kind, name) or ""
            install = f"anemoi plugins install {distribution}"
            yield KnownComponent(kind, name, distribution, install=install)


def _listed(catalogue: str) -> Iterator[KnownComponent]:
    data = _read(catalogue)
    try:
        for plugin in data["plugins"]:
            works = (each["line"] for each in plugin["compatibility"] if each["state"] == "works")
            facts = {
                "version": plugin["version"],
                "works_with": ", ".join(works),
                "install": plugin["install"],
            }
            for each in plugin["components"]:
                description = each.get("description") or plugin["summary"]
                yield KnownComponent(each["kind"], each["name"], plugin["name"], description, **facts)
    except (KeyError, TypeError, AttributeError) as error:
        raise PluginError(
            f"{catalogue} is no catalogue of plugins: {error!r}.",
            fix="Name the catalogue.json that anemoi-meta-ci catalogue writes.",
        ) from error


def _read(catalogue: str) -> Any:
    try:
        if catalogue.startswith(("https://", "http://", "file://")):
            with urllib.request.urlopen(catalogue, timeout=_SECONDS) as answer:
                return json.load(answer)
        return json.loads(Path(catalogue).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(
            f"The catalogue {catalogue} cannot be read: {error}.",
            fix="Check the address, or leave --catalogue out to search the names that come with core.",
        ) from error
