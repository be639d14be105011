"""A new plugin from the template."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import metadata, version
from pathlib import Path

from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import search
from packaging.version import Version

from ._render import answers_fit, checked, render
from ._source import source
from .add import add

OFFICIAL = "anemoi"
"""The account that the official plugins are under, whose names are in the catalogue of core."""


def create(
    kinds: Sequence[str],
    name: str,
    *,
    output: Path,
    description: str | None = None,
    centre: str = "The authors",
    owner: str = "OWNER",
    licence: str = "Apache-2.0",
    python: Iterable[str] | None = None,
    template: str | None = None,
    checkout: str | None = None,
) -> Path:
    """Make the repository of a plugin with components that work, one of each kind.

    Parameters
    ----------
    kinds, name
        Those of the components, which all have one name; the plugin is called ``anemoi-plugin-{name}``.
    output
        The directory to make it in.
    description, centre, owner, licence
        What it is, who writes it, whose account on GitHub it is under, and its SPDX licence.
    python
        The versions of Python it supports; all that the core supports by default.
    template, checkout
        A directory or a git repository with another template, and the branch, tag or commit to take.

    Returns
    -------
    Path
        The new directory.

    Raises
    ------
    AnemoiError
        If the name, an option or the template cannot be used, or there is something already.
    """
    first, *others = dict.fromkeys(kinds)
    (name,) = {checked(kind, name) for kind in kinds}
    _refuse_official(name, owner)
    directory = output / f"anemoi-plugin-{name}"
    if directory.exists():
        raise AnemoiError(f"{directory} exists.", fix="Choose another name, or another --output-dir.")
    answers = {
        "kind": first,
        "name": name,
        "description": description or f"The {' and '.join([first, *others])} {name} for Anemoi",
        "centre": centre,
        "owner": owner,
        "licence": licence,
        "python": ", ".join(_pythons(python)),
        "core": Version(version("anemoi-core")).base_version,
    }
    answers_fit(answers)
    origin = source(template, checkout, kind=first)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".anemoi-", dir=output) as folder:
            made = render(origin, answers, Path(folder))
            for kind in others:
                add(made, kind, name)
            made.rename(directory)
    except OSError as error:
        raise AnemoiError(
            f"{directory} cannot be made: {error}.", fix="Choose another --output-dir."
        ) from error
    return directory


def supported_pythons() -> list[str]:
    """The versions of Python that the core supports, oldest first, such as ``3.10``."""
    marks = metadata("anemoi-core").get_all("Classifier") or []
    return [mark.rpartition(" ")[2] for mark in marks if re.search(r":: 3\.\d+$", mark)]


def _refuse_official(name: str, owner: str) -> None:
    """Raise an error if the plugin would be called as one of Anemoi's own, and is somebody else's."""
    distribution = f"anemoi-plugin-{name}"
    if owner != OFFICIAL and distribution in {each.distribution for each in search([])}:
        raise AnemoiError(
            f"{distribution} is a plugin of Anemoi's own: its name is taken.",
            fix=f"Choose another name. Only with --owner {OFFICIAL} can it be this one.",
        )


def _pythons(chosen: Iterable[str] | None) -> list[str]:
    supported = supported_pythons()
    wanted = supported if chosen is None else sorted(set(chosen), key=lambda each: (len(each), each))
    if strange := [each for each in wanted if each not in supported] or not wanted:
        raise AnemoiError(f"Python {strange} is not supported.", fix=f"Choose from: {', '.join(supported)}")
    return wanted
