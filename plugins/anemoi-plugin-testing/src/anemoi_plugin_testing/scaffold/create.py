"""A new plugin from the template."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import metadata, version
from pathlib import Path

from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import components, normalise, provider
from packaging.version import Version

from ._cruft import cruft, quietly, record
from ._source import Source, source

LONGEST = 28
"""The longest name, so that lines of code with it keep within their limit."""


def create(
    kind: str,
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
    """Make the repository of a plugin with one component that works.

    Parameters
    ----------
    kind, name
        Those of the component; the plugin is called ``anemoi-plugin-{name}``.
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
    name = _checked(kind, name)
    directory = output / f"anemoi-plugin-{name}"
    if directory.exists():
        raise AnemoiError(f"{directory} exists.", fix="Choose another name, or another --output-dir.")
    answers = {
        "kind": kind,
        "name": name,
        "description": description or f"The {kind} {name} for Anemoi",
        "centre": centre,
        "owner": owner,
        "licence": licence,
        "python": ", ".join(_pythons(python)),
        "core": Version(version("anemoi-core")).base_version,
    }
    for key, value in answers.items():
        if not value.strip() or not value.isprintable() or set(value) & set('"\\{}'):
            raise AnemoiError(f"{value!r} cannot be used as {key}.", fix="Use letters, digits and spaces.")
    origin = source(template, checkout, kind=kind)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".anemoi-", dir=output) as folder:
            render(origin, answers, Path(folder)).rename(directory)
    except OSError as error:
        raise AnemoiError(
            f"{directory} cannot be made: {error}.", fix="Choose another --output-dir."
        ) from error
    return directory


def render(origin: Source, answers: Mapping[str, str], folder: Path) -> Path:
    """What the template makes of some answers: a directory in ``folder``, with its record.

    Raises
    ------
    AnemoiError
        If the template cannot be used, or has not the choice that an answer is.
    """
    tool = cruft()
    try:
        with quietly():
            made: Path = tool.create(
                origin.repository,
                output_dir=folder,
                default_config=True,
                extra_context=dict(answers),
                checkout=origin.checkout,
                # A directory that a kind has no use for has an empty name, so it is there already.
                overwrite_if_exists=True,
            )
    except ValueError as error:
        raise AnemoiError(f"The template {origin.template} cannot be used: {error}.") from error
    record(made, origin)
    return made


def supported_pythons() -> list[str]:
    """The versions of Python that the core supports, oldest first, such as ``3.10``."""
    marks = metadata("anemoi-core").get_all("Classifier") or []
    return [mark.rpartition(" ")[2] for mark in marks if re.search(r":: 3\.\d+$", mark)]


def _checked(kind: str, name: str) -> str:
    name = normalise(name).removeprefix("anemoi-plugin-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > LONGEST:
        raise AnemoiError(
            f"A plugin cannot be called {name!r}.",
            fix=f"Choose up to {LONGEST} letters, digits and single dashes, beginning with a letter.",
        )
    known = {normalise(each.name): each.distribution for each in components(kind)}
    if other := known.get(name) or provider(kind, name):
        raise AnemoiError(
            f"There is a {kind} {name!r} already, in {other}.",
            fix="Choose another name: of two with the same, neither could be used.",
        )
    return name


def _pythons(chosen: Iterable[str] | None) -> list[str]:
    supported = supported_pythons()
    wanted = supported if chosen is None else sorted(set(chosen), key=lambda each: (len(each), each))
    if strange := [each for each in wanted if each not in supported] or not wanted:
        raise AnemoiError(f"Python {strange} is not supported.", fix=f"Choose from: {', '.join(supported)}")
    return wanted
