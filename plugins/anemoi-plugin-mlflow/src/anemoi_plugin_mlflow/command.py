"""The command ``anemoi mlflow``."""

from __future__ import annotations

from pathlib import Path

import click
from anemoi.core.errors import AnemoiError


@click.group()
def command() -> None:
    """Deliver runs to MLflow that could not be delivered while they went on."""


@command.command()
@click.argument(
    "directories", nargs=-1, required=True, metavar="RUN_DIRECTORY...", type=click.Path(path_type=Path)
)
@click.option("--uri", help="Deliver to this tracking URI.  [default: where the run was to be recorded]")
def sync(directories: tuple[Path, ...], uri: str | None) -> None:
    """Deliver what is kept in RUN_DIRECTORY and not in MLflow yet.

    What is there already is not doubled. A run that has no end, and that no training records any more, is
    ended as killed.
    """
    from .spool import Spool

    spools = [Spool(directory.resolve()) for directory in directories]
    for spool in spools:
        if not spool.lines.is_file():
            raise AnemoiError(
                f"{spool.run_directory} holds no record of the tracker mlflow.",
                fix="Give the directory of a run that was trained with tracker=[jsonl,mlflow].",
            )
    for spool in spools:
        click.echo(f"{spool.run_directory}: {_sync(spool.run_directory, uri)}")


def _sync(directory: Path, uri: str | None) -> str:
    from .delivery import Delivery, DeliveryError, prepare_client

    prepare_client()
    delivery = Delivery(directory, uri=uri)
    try:
        delivery.deliver(ended=True)
    except DeliveryError as error:
        raise AnemoiError(
            f"{directory}: {delivery.spool.pending} records could not be delivered: {error}",
            fix="Nothing is lost: try again, or give another store with --uri.",
        ) from error
    delivered = delivery.spool.delivered()
    refused = f", {delivered.refused} records refused" if delivered.refused else ""
    return f"delivered to {delivered.uri} as run {delivered.run_id}{refused}"
