"""The command ``anemoi {{ cookiecutter.name }}``."""

from __future__ import annotations

import click


@click.command()
@click.argument("source")
@click.option(
    "--option",
    "-o",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of the source, such as path=DATA.zarr; as often as needed.",
)
def command(source: str, given: tuple[str, ...]) -> None:
    """Describe the data source SOURCE: its times, its grid, and how its variables are distributed."""
    # What takes long to import comes when there is something to do, not when help is asked for.
    from anemoi.core.plugins import load

    data = load("source", source)(**dict(_split(one) for one in given))
    click.echo(f"{len(data.times)} times, {data.times[0]} to {data.times[-1]}, {len(data.missing)} missing")
    click.echo(f"{len(data.grid)} points, {data.grid.latitudes.min():g} to {data.grid.latitudes.max():g} °N")
    statistics = data.statistics
    for number, name in enumerate(data.variables):
        click.echo(
            f"{name} ({data.units.get(name, '?')}): "
            f"mean {statistics.mean[number]:.6g}, standard deviation {statistics.stdev[number]:.6g}, "
            f"{statistics.minimum[number]:.6g} to {statistics.maximum[number]:.6g}"
        )


def _split(option: str) -> tuple[str, str]:
    from anemoi.core.errors import AnemoiError

    key, equals, value = option.partition("=")
    if not (key and equals):
        raise AnemoiError(f"{option!r} is no option.", fix="Write KEY=VALUE, such as path=DATA.zarr.")
    return key, value
