"""``anemoi plugins update``."""

from __future__ import annotations

from pathlib import Path

import click

from .. import scaffold


@click.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), required=False
)
@click.option("--check", is_flag=True, help="Change nothing; the exit code is 1 if there is something new.")
@click.pass_context
def command(ctx: click.Context, directory: Path, check: bool) -> None:
    """Bring the plugin in DIRECTORY (here) in step with the template it was made from.

    What changed in the template since is merged with what you changed. Where the two do not fit, the exit
    code is 2, and the files to resolve are named.
    """
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
