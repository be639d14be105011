"""What an operator may say about the work: where it is done, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class RunningSettings:
    """The section ``running``.

    Parameters
    ----------
    scheduler
        The address of a Dask scheduler, tcp://host:8786; workers on this machine if none is given.
    cluster
        The class of the Dask cluster to make if no scheduler is given, and its options:
        ``{class: dask_jobqueue.SLURMCluster, cores: 4, memory: 32GB}``. Workers on this machine if neither
        is given.
    workers
        How many workers a cluster has that the server makes, each with one job at a time; on this machine
        always, on another cluster while there is work.
    gpus
        How many of the workers on this machine have a GPU of their own.
    needs
        What a job takes of the resources that Dask workers offer, by its kind: ``{forecast: {GPU: 1}}``.
    environment
        The variables of the environment that jobs are given besides the usual ones.
    threads
        How many threads a job computes with.
    time_limit
        How long a job may run.
    memory_limit
        How much memory the process of a job may take, in GiB.
    attempts
        How often a job is begun whose worker is lost.
    """

    scheduler: str | None = None
    cluster: Mapping[str, Any] | None = None
    workers: Annotated[int, Field(ge=1)] = 2
    gpus: Annotated[int, Field(ge=0)] = 0
    needs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    environment: list[str] = field(default_factory=list)
    threads: Annotated[int, Field(ge=1)] = 1
    time_limit: str = "6h"
    memory_limit: Annotated[float, Field(gt=0)] = 16.0
    attempts: Annotated[int, Field(ge=1)] = 3
