"""What the plugin that brings a component configures for it, where it takes another component's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .components import NAME, is_same_component
from .files import ConfigFile
from .layers import Layer
from .tree import LayeredFiles


@dataclass(frozen=True)
class ConfiguredSection:
    """A section of a file that configures one component.

    Parameters
    ----------
    layer, file
        Where it is written.
    key
        Its dotted key in the file; empty where the component has the file to itself.
    """

    layer: Layer
    file: ConfigFile
    key: str


def own_defaults(
    tree: LayeredFiles, key: str, component: str, owners: Iterable[str]
) -> list[ConfiguredSection]:
    """Find what is configured for a component at a key: the parts of files, the first to be overruled first.

    For ``gnn`` at ``model.processor`` that is ``model/processor/gnn``, else the section ``processor`` of
    ``model/gnn``, else of the only file in ``model`` of the same distribution that names the component there.

    Parameters
    ----------
    tree
        The files there are.
    key
        The dotted key of the section that the component is named in.
    component
        Its name.
    owners
        The distributions that offer a component of this name.

    Returns
    -------
    list[ConfiguredSection]
        None where nobody configures it there, or two distributions do: then its constructor's defaults hold.
    """
    words = key.split(".")
    found = [found for owner in owners if (found := _of(tree, words, f"{owner}:{component}"))]
    return found[0] if len(found) == 1 else []


def _of(tree: LayeredFiles, words: list[str], name: str) -> list[ConfiguredSection]:
    owner, _, short = name.rpartition(":")
    for depth in range(len(words), 0, -1):
        group, key = "/".join(words[:depth]), ".".join(words[depth:])
        if found := _parts(tree, f"{group}/{name}", key, name):
            return found
        others = [f"{group}/{owner}:{each}" for each in tree.files(group) if each != short]
        configured = [found for each in others if tree.has(each) and (found := _parts(tree, each, key, name))]
        if len(configured) == 1:
            return configured[0]
    return []


def _parts(tree: LayeredFiles, config: str, key: str, name: str) -> list[ConfiguredSection]:
    """The section ``key`` in each layer's version of a file, if together they name the component."""
    if tree.package(config) is not None:  # its values go somewhere else
        return []
    found = [ConfiguredSection(layer, file, key) for layer, file in tree.versions(config)]
    found = [part for part in found if section_of(part)]
    named = [spec for part in found if NAME in (spec := section_of(part))]
    return found if named and is_same_component(named[-1], {NAME: name}) else []


def section_of(part: ConfiguredSection) -> Mapping[str, Any]:
    """The values of a part; none if the file has no such section."""
    section: Any = part.file.values
    for word in _words(part.key):
        section = section.get(word) if isinstance(section, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _words(key: str) -> Iterator[str]:
    return iter(key.split(".") if key else ())
