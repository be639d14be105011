"""The command ``anemoi plot``."""

from __future__ import annotations

from pathlib import Path

import click
from anemoi.core.cli.options import source_spec


@click.command()
@click.argument("forecast")
@click.option("--variable", metavar="NAME", help="What to draw.  [default: the first]")
@click.option("--lead-time", metavar="DURATION", help="Which state.  [default: the last]")
@click.option(
    "--output", metavar="FILE.png", required=True, type=click.Path(path_type=Path), help="What to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def command(
    forecast: str, variable: str | None, lead_time: str | None, output: Path, overwrite: bool
) -> None:
    """Draw a map of FORECAST, a file that anemoi forecast wrote.

    Of an ensemble, the mean of its members is drawn.
    """
    from anemoi.core.config import build
    from anemoi.core.errors import DataError
    from anemoi.core.lineage import read

    from ..forecast_map import forecast_map
    from ..result_file import ResultFile

    if output.suffix.lower() != ".png":
        raise DataError(f"{output} is not named as a picture.", fix="Name a file that ends in .png.")
    target = ResultFile(output, overwrite=overwrite)
    # Sources of GRIB and NetCDF take a forecast for any other data: what wrote it knows better.
    written = read(forecast).provenance
    if written.get("kind") != "forecast":
        raise DataError("This is not a forecast.", fix="Give a file that `anemoi forecast` wrote.")
    source = build("source", source_spec((forecast,), None))
    picture = forecast_map(source, written.get("start"), variable=variable, lead_time=lead_time)
    target.write(picture)
    click.echo(f"Map: {output}")
