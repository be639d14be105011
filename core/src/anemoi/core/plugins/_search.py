"""Search what plugins there are: those that core knows, or a catalogue as meta-CI publishes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ._kinds import normalise
from ._published import embedded_catalogue, read_catalogue


@dataclass(frozen=True)
class KnownComponent:
    """A component that a catalogue lists, installed here or not.

    Parameters
    ----------
    kind, name, distribution
        What it is, what it is called, and what brings it.
    description
        What it does, in one line.
    version
        The last release of its distribution, where it is known.
    declares
        The versions of core that its distribution says it is for.
    works_with
        The versions of core that it was proved to work with.
    licence, documentation
        Of its distribution: the SPDX licence, and an address.
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
    declares: str = ""
    works_with: str = ""
    licence: str = ""
    documentation: str = ""
    install: str = ""
    compatibility: tuple[str, ...] = ()

    @property
    def declared_range(self) -> str:
        """The versions of core in ``declares``: ``>=0.2,<0.3``."""
        return self.declares.removeprefix("anemoi-core")

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
        The path or URL of a ``catalogue.json``; None is what comes with core.

    Raises
    ------
    PluginError
        If the catalogue cannot be read.
    """
    everything = _listed(catalogue)
    asked = [normalise(word) for word in words]
    found = [each for each in everything if all(word in _text(each) for word in asked)]
    return sorted(found, key=lambda each: (each.kind, each.name, each.distribution))


def _text(component: KnownComponent) -> str:
    parts = (component.kind, component.name, component.distribution, component.description)
    return " ".join(map(normalise, parts))


def _listed(catalogue: str | None) -> Iterator[KnownComponent]:
    published = embedded_catalogue() if catalogue is None else read_catalogue(catalogue)
    where = "" if catalogue is None else f" --catalogue {shlex.quote(catalogue)}"
    for plugin in published.plugins:
        works = (proof.core or proof.line for proof in plugin.proofs if proof.state == "works")
        facts = {
            "version": plugin.version,
            "declares": plugin.declares,
            "works_with": ", ".join(works),
            "licence": plugin.licence,
            "documentation": plugin.documentation,
            "install": plugin.install + where,
        }
        proofs = tuple(map(str, plugin.proofs))
        for kind, name, description in plugin.components:
            yield KnownComponent(kind, name, plugin.name, description, compatibility=proofs, **facts)
