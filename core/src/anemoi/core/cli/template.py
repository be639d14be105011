"""``anemoi plugins new`` and ``anemoi plugins update``."""

from __future__ import annotations

from pathlib import Path

import click

from ..plugins._kinds import KINDS
from . import kind_name

LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause")

_MADE = ", ".join(kind.name for kind in KINDS.values() if kind.scaffold)


@click.command(epilog=f"KIND is {_MADE}, or one that a plugin declares: see anemoi plugins list --kind kind.")
@click.argument("kind", callback=kind_name.checked, shell_complete=kind_name.complete)
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
@click.option("--template", help="A directory or git repository with another template than the core's.")
@click.option("--checkout", help="The branch, tag or commit of that repository.")
def new(
    kind: str,
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
    """Make a new plugin with a component KIND called NAME.

    A whole repository, anemoi-plugin-NAME, whose code works and keeps its contract: to be changed into
    what you want. `anemoi plugins update` keeps it in step with the template.
    """
    from ..scaffold import create

    directory = create(
        kind,
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


@click.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), required=False
)
@click.option("--check", is_flag=True, help="Change nothing; the exit code is 1 if there is something new.")
@click.pass_context
def update(ctx: click.Context, directory: Path, check: bool) -> None:
    """Bring the plugin in DIRECTORY (here) in step with the template it was made from.

    What changed in the template since is merged with what you changed. Where the two do not fit, the exit
    code is 2, and the files to resolve are named.
    """
    from .. import scaffold

    if check:
        if scaffold.outdated(directory):
            click.echo("The template has changed. To bring what is new: anemoi plugins update")
            ctx.exit(1)
        click.echo("In step with the template.")
        return
    changed = scaffold.update(directory)
    if not changed:
        click.echo("In step with the template: nothing to do.")
        return
    click.echo("What is new in the template is in these files:")
    click.echo("\n".join(f"  {name}" for name in changed))
    click.echo("Look at it (git diff HEAD), run the tests, and commit it.")
