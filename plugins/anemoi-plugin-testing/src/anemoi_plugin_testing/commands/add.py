"""``anemoi plugins add``."""

from __future__ import annotations

from pathlib import Path

import click
from anemoi.core.cli import kind_name

from .. import scaffold


@click.command()
@click.argument("kind", callback=kind_name.checked, shell_complete=kind_name.complete)
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The plugin.  [default: here]",
)
def command(kind: str, name: str, directory: Path) -> None:
    """Add a component KIND called NAME to the plugin made by `anemoi plugins new` in this directory.

    Its code, tests, configuration, documentation, entry point and steps of the tour are added, and work. No
    file is replaced.
    """
    changed = scaffold.add(directory, kind, name)
    click.echo(f"The {kind} {name} is in these files:")
    click.echo("\n".join(f"  {file}" for file in changed))
    click.echo('Now make it known, and run the tests:\n  pip install -e ".[test]"\n  pytest')
