"""The name of a kind on the command line, known from metadata alone."""

from __future__ import annotations

import click

from ..plugins import declared, kinds, known


def checked(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    """Refuse what no kind is called that is declared here, usable or not, or that the catalogue knows."""
    if name is not None and name not in {*known("kind"), *(each.kind for each in declared().values())}:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(map(repr, kinds()))}.")
    return name


def complete(_: click.Context, __: click.Parameter, beginning: str) -> list[str]:
    """The kinds that begin so."""
    return [name for name in kinds() if name.startswith(beginning)]
