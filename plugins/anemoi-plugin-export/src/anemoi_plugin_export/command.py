"""``anemoi checkpoint export``."""

from __future__ import annotations

from pathlib import Path

import click

from .metadata import export_metadata


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--metadata",
    "output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to make: what FILE says of itself, without its weights.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there already.")
def command(file: Path, output: Path, overwrite: bool) -> None:
    """Write what FILE says of itself for other tools: anemoi-utils, and `anemoi-inference inspect`.

    \b
    anemoi checkpoint export model.safetensors --metadata model.ckpt
    anemoi-inference inspect model.ckpt --variables
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    click.echo(f"Wrote {export_metadata(file, output, overwrite=overwrite)}.")
