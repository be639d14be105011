"""Search what plugins there are: the names that core knows, or a catalogue as meta-CI publishes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ._catalogue import known, known_kinds, provider
from ._kinds import normalise
from ._published import read_catalogue


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
        The versions of core that it was proved to work with.
    install
        The command that brings it.
    compatibility
        What was proved with each line of core, in words: also where it fails.
    """

    kind: str
    name: str
    distribution: str
    description: str = ""
    version: str = ""
    works_with: str = ""
    install: str = ""
    compatibility: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Whether a user who writes ``name`` means it: COMPONENT, DISTRIBUTION or DISTRIBUTION:COMPONENT."""
        own, owner = normalise(self.name), normalise(self.distribution)
        return normalise(name) in (own, owner, f"{owner}:{own}")


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
    for plugin in read_catalogue(catalogue).plugins:
        works = (proof.core or proof.line for proof in plugin.proofs if proof.state == "works")
        install = f"{plugin.install} --catalogue {shlex.quote(catalogue)}"
        facts = {"version": plugin.version, "works_with": ", ".join(works), "install": install}
        proofs = tuple(map(str, plugin.proofs))
        for kind, name, description in plugin.components:
            yield KnownComponent(kind, name, plugin.name, description, compatibility=proofs, **facts)
