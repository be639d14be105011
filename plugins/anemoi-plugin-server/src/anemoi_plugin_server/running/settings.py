"""What an operator may say about the work: where it is done, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class RunningSettings:
    """The section ``running``.

    Parameters
    ----------
    scheduler
        The address of a Dask scheduler, tcp://host:8786; workers on this machine if none is given.
    workers
        How many workers on this machine, each with one job at a time.
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
    workers: Annotated[int, Field(ge=1)] = 2
    threads: Annotated[int, Field(ge=1)] = 1
    time_limit: str = "6h"
    memory_limit: Annotated[float, Field(gt=0)] = 16.0
    attempts: Annotated[int, Field(ge=1)] = 3
