"""The Dask cluster that work is spread over, and how a worker begins it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .allocation import keep_freed_memory
from .errors import AbsentError, PluginError, RequestError, ResourceError

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


def taken_up(packed: bytes) -> Any:
    """Unpack what a worker is to do, and go to the directory and the threads of the command that asks.

    Parameters
    ----------
    packed
        A pickled object with ``threads``, how many PyTorch has, and ``directory``.

    Raises
    ------
    PluginError
        If the worker lacks a distribution that it is of.
    RequestError
        If it has no such directory.
    """
    import torch  # a command that spreads nothing does without

    try:
        job = pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"A worker cannot read what it is to do: {error}.",
            fix="Install the same distributions, in the same versions, where the workers are.",
        ) from error
    torch.set_num_threads(job.threads)
    keep_freed_memory()
    try:
        os.chdir(job.directory)  # paths may be relative to it
    except OSError as error:
        raise RequestError(
            f"The worker has no directory {job.directory}: {error.strerror}.",
            fix="Run the command in a directory that all workers share.",
        ) from error
    return job
