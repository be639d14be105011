"""The Dask cluster that work is spread over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import AbsentError, ResourceError

PATIENCE = "10s"
"""How long a scheduler may take to answer."""


@contextmanager
def cluster(address: str | None, *, processes: int, requirement: str) -> Iterator[Any]:
    """Connect to a scheduler; without an address to the one that Dask is configured for, or to one made here.

    Parameters
    ----------
    address
        Of the scheduler: ``tcp://host:8786``. None is that of ``DASK_SCHEDULER_ADDRESS``, or else a cluster
        of processes on this machine, for the time of the context.
    processes
        How many processes that one has.
    requirement
        What to install where Dask is missing: ``anemoi-core[dask]``.

    Yields
    ------
    distributed.Client
        Of the cluster.

    Raises
    ------
    AbsentError
        Without ``distributed``.
    ResourceError
        If the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise AbsentError(
            f"A Dask cluster needs {error.name}, which is not installed.",
            requirement=requirement,
            fix=f'Install it: pip install "{requirement}"',
        ) from error
    address = address or dask.config.get("scheduler-address", None)
    if address is None:
        with (
            LocalCluster(n_workers=processes, threads_per_worker=1, dashboard_address=None) as local,
            Client(local) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"There is no Dask scheduler at {address}: {error}.",
            fix="Start one (dask scheduler), or use processes of this machine: --dask without an address.",
        ) from error
    with client:
        yield client
