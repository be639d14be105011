"""The command ``anemoi plot``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("forecast", metavar="FORECAST")
@click.option("--variable", metavar="NAME", help="What to draw.  [default: the first]")
@click.option("--lead-time", metavar="DURATION", help="Which state.  [default: the last]")
@click.option(
    "--output", metavar="FILE.png", required=True, type=click.Path(path_type=Path), help="Where to write."
)
@click.option(
    "--source", "source_name", metavar="NAME", default="zarr", show_default=True, help="What reads it."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def command(
    forecast: str,
    variable: str | None,
    lead_time: str | None,
    output: Path,
    source_name: str,
    overwrite: bool,
) -> None:
    """Draw a map of a forecast file.

    Of an ensemble, the mean of its members is drawn.
    """
    from anemoi.core.config import build

    from ..forecast_map import forecast_map
    from ..result_file import ResultFile

    if output.suffix.lower() != ".png":
        raise click.BadParameter(f"{output} does not end in .png.", param_hint="--output")
    target = ResultFile(output, overwrite=overwrite)
    source = build("source", {"name": source_name, "path": forecast})
    target.write(forecast_map(source, variable=variable, lead_time=lead_time))
    click.echo(f"Map: {output}")
