"""What the template makes of answers, and which answers can be used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import components, normalise, provider

from ._cruft import cruft, quietly, record
from ._source import Source

LONGEST = 28
"""The longest name, so that lines of code with it keep within their limit."""


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


def answers_fit(answers: Mapping[str, str]) -> None:
    """Raise an error if an answer would break the files that it is written into."""
    for key, value in answers.items():
        if not value.strip() or not value.isprintable() or set(value) & set('"\\{}'):
            raise AnemoiError(f"{value!r} cannot be used as {key}.", fix="Use letters, digits and spaces.")


def checked(kind: str, name: str, *, but: str = "") -> str:
    """A name as components have them, if it can be used; the distribution ``but`` may offer it already.

    Raises
    ------
    AnemoiError
        If it cannot.
    """
    name = normalise(name).removeprefix("anemoi-plugin-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > LONGEST:
        raise AnemoiError(
            f"A plugin cannot be called {name!r}.",
            fix=f"Choose up to {LONGEST} letters, digits and single dashes, beginning with a letter.",
        )
    known = {normalise(each.name): each.distribution for each in components(kind)}
    other = known.get(name) or provider(kind, name)
    if other and normalise(other) != but:
        raise AnemoiError(
            f"There is a {kind} {name!r} already, in {other}.",
            fix="Choose another name: of two with the same, neither could be used.",
        )
    return name
