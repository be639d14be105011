"""The catalogue of plugins that meta-CI publishes, in a file or at an address, and the copy that core has."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import PluginError

_SECONDS = 20
_CORE = re.compile(r"anemoi-core\b(?!-)")


@dataclass(frozen=True)
class Proof:
    """What the last run of the matrix proved of a plugin and one line of core.

    Parameters
    ----------
    line, core
        The line as the matrix calls it, and its version of core; empty where it is not said.
    state
        ``works``, ``flaky``, ``fails`` or ``incompatible``, which is what the plugin declares itself.
    good, cells
        In how many environments it is as it should be, of how many that ran.
    """

    line: str
    core: str
    state: str
    good: int
    cells: int

    def __str__(self) -> str:
        name = f"anemoi-core {self.core}" if self.core else self.line
        of = f" ({self.good} of {self.cells} environments)" if self.cells else ""
        return f"{self.state} with {name}{of}"


@dataclass(frozen=True)
class PublishedPlugin:
    """A distribution that the catalogue lists.

    Parameters
    ----------
    name, summary, version, install
        The distribution, what it does, its last release if that is known, and the command that brings it.
    licence, documentation
        Its SPDX licence, and the address of its documentation or else of its source.
    declares
        The versions of core that it says it is for: ``anemoi-core>=0.2,<0.3``.
    components
        The kind, the name and the description of each component.
    proofs
        One for each line that it was tried with; none if the matrix has not tried it.
    """

    name: str
    summary: str
    version: str
    install: str
    licence: str
    documentation: str
    declares: str
    components: tuple[tuple[str, str, str], ...]
    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class Catalogue:
    """What a ``catalogue.json`` says.

    Parameters
    ----------
    plugins
        All that it lists.
    known_good
        The file or address of the known-good set of each line of core: ``{"0.2": …}``.
    """

    plugins: tuple[PublishedPlugin, ...]
    known_good: Mapping[str, str]


@cache
def embedded_catalogue() -> Catalogue:
    """What the official plugins said of themselves when this core was made; nothing is proved there."""
    return read_catalogue(str(Path(__file__).with_name("known_plugins.json")))


def read_catalogue(place: str) -> Catalogue:
    """Read a catalogue.

    Parameters
    ----------
    place
        The path or URL of a ``catalogue.json``.

    Raises
    ------
    PluginError
        If it cannot be read, or is no catalogue.
    """
    data = _read(place)
    try:
        return Catalogue(
            plugins=tuple(_plugin(each) for each in data["plugins"]),
            known_good={line: _beside(place, file) for line, file in data.get("known_good", {}).items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise PluginError(
            f"{place} is no catalogue of plugins: {error!r}.",
            fix="Name the catalogue.json that anemoi-meta-ci catalogue writes.",
        ) from error


def _plugin(data: Mapping[str, Any]) -> PublishedPlugin:
    return PublishedPlugin(
        name=data["name"],
        summary=data["summary"],
        version=data.get("version", ""),
        install=data.get("install") or f"anemoi plugins install {data['name']}",
        licence=data.get("licence", ""),
        documentation=data.get("documentation") or data.get("repository", ""),
        declares=", ".join(each for each in data.get("requires", ()) if _CORE.match(each)),
        components=tuple(
            (each["kind"], each["name"], each.get("description") or data["summary"])
            for each in data["components"]
        ),
        proofs=tuple(
            Proof(
                each["line"], each.get("core", ""), each["state"], each.get("good", 0), each.get("cells", 0)
            )
            for each in data.get("compatibility", ())
        ),
    )


def _beside(place: str, file: str) -> str:
    """The file or address of what a catalogue names relative to itself."""
    return urllib.parse.urljoin(place, file) if "://" in place else str(Path(place).parent / file)


def _read(place: str) -> Any:
    try:
        if place.startswith(("https://", "http://", "file://")):
            with urllib.request.urlopen(place, timeout=_SECONDS) as answer:
                return json.load(answer)
        return json.loads(Path(place).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(
            f"The catalogue {place} cannot be read: {error}.",
            fix="Check the address, or leave --catalogue out to use the one that comes with core.",
        ) from error
