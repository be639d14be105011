"""What a user means to install: which distributions, in the versions of which known-good set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ..directories import site_directory, user_directory
from ..errors import PluginError
from ._install import names_of, read_set
from ._kinds import normalise
from ._load import suggestion
from ._published import Catalogue, embedded_catalogue, read_catalogue

FILE_NAME = "known-good.txt"


@dataclass(frozen=True)
class Choice:
    """What is to be installed.

    Parameters
    ----------
    requirements
        Distributions, with the ranges of versions that the user gave.
    constraints
        The file or address of the known-good set to keep to, if there is one.
    line
        The line of core here: ``0.2``.
    compatibility
        What the catalogue says of each of them, in words: what was proved, or what it declares.
    """

    requirements: tuple[str, ...]
    constraints: str | None
    line: str
    compatibility: Mapping[str, str]


def choose(names: Sequence[str], *, constraints: str | None = None, catalogue: str | None = None) -> Choice:
    """Find out what names stand for.

    Parameters
    ----------
    names
        Components or distributions, each with or without a range of versions.
    constraints
        The known-good set; None is ``known-good.txt`` of the institution or the user, else the set that the
        catalogue has for the line of core here.
    catalogue
        The file or address of a ``catalogue.json``; None is what comes with core.

    Raises
    ------
    PluginError
        If a name is not known, or several distributions have a component of that name.
    """
    line = ".".join(version("anemoi-core").split(".")[:2])
    published = None if catalogue is None else read_catalogue(catalogue)
    if constraints is None and (found := known_good_set()) is not None:
        constraints = str(found)
    if constraints is None and published is not None:
        constraints = published.known_good.get(line)
    others = () if constraints is None else names_of(read_set(constraints))
    places = "the catalogue that comes with core" if catalogue is None else catalogue
    requirements = []
    for each in names:
        name, rest = _parts(each)
        requirements.append(_distribution(name, published, others, places) + rest)
    chosen = [_parts(each)[0] for each in requirements]
    said = {name: _said(name, published, line) for name in chosen}
    return Choice(tuple(requirements), constraints, line, {name: text for name, text in said.items() if text})


def known_good_set() -> Path | None:
    """``known-good.txt`` of the institution's configuration, else of the user's; None if there is none."""
    directories = (site_directory(), user_directory())
    files = (directory / FILE_NAME for directory in directories if directory is not None)
    return next((file for file in files if file.is_file()), None)


def _distribution(name: str, published: Catalogue | None, others: Iterable[str], places: str) -> str:
    """The distribution of that name, or the one that has a component of that name."""
    offers = list(_listed(embedded_catalogue()))
    if published is not None:
        offers += _listed(published)
    distributions = {normalise(owner): owner for _, owner in offers} | {each: each for each in others}
    for full in (normalise(name), f"anemoi-plugin-{normalise(name)}"):
        if full in distributions and full.startswith("anemoi-"):
            return distributions[full]
    owners = sorted({owner for component, owner in offers if component == normalise(name)})
    if len(owners) == 1:
        return owners[0]
    if owners:
        raise PluginError(
            f"{' and '.join(owners)} each have a component {name!r}.",
            fix="Name the one that you mean.",
        )
    near = suggestion(name, set(distributions), {component for component, _ in offers})
    raise PluginError(
        f"No plugin or component {name!r} is in {places}." + (f" {near}" if near else ""),
        fix="Look with 'anemoi plugins search', or name a fuller catalogue with --catalogue. What none lists "
        "pip itself installs, if you trust its authors.",
    )


def _listed(published: Catalogue) -> Iterable[tuple[str, str]]:
    for plugin in published.plugins:
        yield "", plugin.name
        for _, name, _ in plugin.components:
            yield normalise(name), plugin.name


def _said(name: str, published: Catalogue | None, line: str) -> str:
    """What was proved of a distribution with the line of core here; without a catalogue what it declares."""
    listed = (published or embedded_catalogue()).plugins
    plugins = [each for each in listed if normalise(each.name) == normalise(name)]
    if published is None:
        return ", ".join(f"declares {each.declares}" for each in plugins if each.declares)
    proofs = [proof for plugin in plugins for proof in plugin.proofs]
    here = [str(proof) for proof in proofs if _is_of(proof.core or proof.line, line)]
    return ", ".join(here) or f"not tried with anemoi-core {line}"


def _is_of(version: str, line: str) -> bool:
    return version == line or version.startswith(f"{line}.")


def _parts(name: str) -> tuple[str, str]:
    """The name, and the extras and the range of versions after it."""
    found = re.match(r"[A-Za-z0-9](?:[\w.-]*\w)?", name)
    end = found.end() if found else len(name)
    return name[:end], name[end:]
