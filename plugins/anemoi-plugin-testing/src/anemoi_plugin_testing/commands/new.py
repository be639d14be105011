"""``anemoi plugins new``."""

from __future__ import annotations

from pathlib import Path

import click
from anemoi.core.cli import kind_name

from ..scaffold import create, kinds_of_template

LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause")

_KINDS = ", ".join(kinds_of_template())


def _separate(context: click.Context, parameter: click.Parameter, kinds: str) -> tuple[str, ...]:
    """The kinds between commas, each of which there is."""
    names = tuple(each.strip() for each in kinds.split(","))
    for name in names:
        kind_name.checked(context, parameter, name)
    return names


@click.command(
    epilog=f"KIND is {_KINDS}, or one that a plugin declares: see anemoi plugins list --kind kind."
)
@click.argument("kinds", metavar="KIND[,KIND]...", callback=_separate, shell_complete=kind_name.complete)
@click.argument("name")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to make its directory.  [default: here]",
)
@click.option("--description", help="What it is, in one line.")
@click.option("--centre", default="The authors", show_default=True, help="Who writes it.")
@click.option("--owner", default="OWNER", show_default=True, help="The account on GitHub that it is under.")
@click.option(
    "--licence", type=click.Choice(LICENCES), default=LICENCES[0], show_default=True, help="Its licence."
)
@click.option("--python", help="The versions of Python it supports: 3.11,3.12.  [default: those of the core]")
@click.option("--template", help="A directory or git repository with a template of your own.")
@click.option("--checkout", help="The branch, tag or commit of that repository.")
def command(
    kinds: tuple[str, ...],
    name: str,
    output_dir: Path,
    description: str | None,
    centre: str,
    owner: str,
    licence: str,
    python: str | None,
    template: str | None,
    checkout: str | None,
) -> None:
    """Make a new plugin with a component of each KIND called NAME.

    A whole repository, anemoi-plugin-NAME, whose code works and keeps its contract: to be changed into
    what you want. `anemoi plugins add` adds more components,
    and `anemoi plugins update` keeps it in step with the template.
    """
    directory = create(
        kinds,
        name,
        output=output_dir,
        description=description,
        centre=centre,
        owner=owner,
        licence=licence,
        python=None if python is None else python.replace(",", " ").split(),
        template=template,
        checkout=checkout,
    )
    click.echo(
        f"{directory} is made. Now:\n"
        f"  cd {directory}\n"
        '  git init && git add . && git commit -m "Begin from the template of Anemoi"\n'
        '  pip install -e ".[test]"\n'
        "  pytest"
    )
