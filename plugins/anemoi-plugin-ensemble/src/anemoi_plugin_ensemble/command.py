"""``anemoi checkpoint pool``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The checkpoint to make.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there already.")
def command(files: tuple[Path, ...], output: Path, overwrite: bool) -> None:
    """Put checkpoints that were trained apart into one, whose forecasts have members of each.

    All must be trained alike, but from other seeds (training.seed) or for longer. The members of a forecast
    take them in turns.

    \b
    anemoi checkpoint pool a/checkpoint.safetensors b/checkpoint.safetensors --output pool.safetensors
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    from .pooling import pool

    made = pool(files, output, overwrite=overwrite)
    click.echo(f"Wrote {made}: {len(files)} networks, which take turns with the members of a forecast.")
