"""Writes the dates of a data set on the workers of a Dask cluster, all of which see the directory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from anemoi.core.errors import AbsentError, AnemoiError, NotThereError

from .work import Work, Writer

LOCAL = "local"
"""What stands for a cluster of processes on this machine."""


def write_dates_on_cluster(work: Work, dates: Sequence[int], address: str, workers: int) -> Iterator[int]:
    """Write ``dates``, and yield each when it is written; they come in any order.

    The dates of a worker that is lost are written by others: each is a file of its own.

    Parameters
    ----------
    address
        That of a scheduler, ``tcp://host:8786``, or :data:`LOCAL`.
    workers
        How many processes a local cluster has.

    Raises
    ------
    AbsentError
        If distributed is not installed.
    NotThereError
        If there is no scheduler at the address.
    AnemoiError
        If a date cannot be read or written. Those that were, stay.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise AbsentError(
            "To make a data set on a Dask cluster needs distributed, which is not installed.",
            requirement="anemoi-plugin-zarr[dask]",
            fix='Install it: pip install "anemoi-plugin-zarr[dask]"',
        ) from error
    with ExitStack() as stack:
        if address == LOCAL:
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            )
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
        else:
            client = stack.enter_context(_connected(distributed, address))
        token = uuid.uuid4().hex
        futures = client.map(_write, dates, work=work, token=token, pure=False, key=f"create-{token}")
        try:
            for _, date in distributed.as_completed(futures, with_results=True):
                yield date
        except distributed.KilledWorker as error:
            raise AnemoiError(
                "Workers of the cluster were lost again and again; they may have run out of memory.",
                fix="Give them more, or use fewer, and repeat the command: it goes on where it was.",
            ) from error
        finally:
            client.cancel(futures)


def _connected(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise NotThereError(
            f"There is no Dask scheduler at {address}: {error}",
            fix="Check the address, or use a cluster on this machine: --dask local",
        ) from error


_kept = threading.local()
"""The writer of a thread of a worker, and which creation it is for: not every source bears two threads."""


def _write(date: int, work: Work, token: str) -> int:
    """Write a date on a worker, which opens the source once."""
    if getattr(_kept, "token", None) != token:
        _kept.token, _kept.writer = token, Writer(work)
    writer: Writer = _kept.writer
    return writer.write(date, writer.read(date))
