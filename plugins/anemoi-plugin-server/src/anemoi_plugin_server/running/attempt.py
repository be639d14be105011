"""One attempt at a job: what travels from the server to a worker, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anemoi.core.files import write_whole

CURRENT: Final = "attempt"
"""The file, in the directory of a job, with the number of the attempt that may run."""

THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""The variables of the environment that say how many threads libraries compute with."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a worker needs to know, as JSON could hold it.

    Parameters
    ----------
    job
        The identifier of the job.
    number
        Which attempt at it, from one.
    kind, options
        The component of the kind ``job``, and its options.
    directory
        Where it runs, on a file system that the workers share with the server.
    models, results
        The directories of the models at hand and of the results.
    sources, outputs
        What the operator offers, by name.
    named
        The digests of the results that the options name, by job.
    threads
        How many threads it computes with.
    time_limit
        How long it may run, in seconds.
    memory_limit
        How much memory it may take, in bytes.
    environment
        The variables of the environment that it is given besides the usual ones.
    """

    job: str
    number: int
    kind: str
    options: Mapping[str, Any]
    directory: str
    models: str
    results: str
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    time_limit: float
    memory_limit: int
    environment: tuple[str, ...] = ()

    @property
    def begun(self) -> Path:
        """The file that is there once a worker has begun it."""
        return Path(self.directory) / f"begun-{self.number}"

    def is_current(self) -> bool:
        """Whether it is still the attempt that may run."""
        return current(Path(self.directory)) == self.number


@dataclass(frozen=True)
class Ended:
    """How an attempt ended.

    Parameters
    ----------
    code
        The exit code of its process, or the negative number of the signal that ended it; None if not known.
    exceeded
        The limit for which it was ended: ``time`` or ``memory``.
    lost
        Why nothing is known of its end, if so: the job is to be begun again.
    """

    code: int | None = None
    exceeded: str | None = None
    lost: str | None = None


def allow(directory: Path, number: int) -> None:
    """Let an attempt run: whatever else runs in the directory, on any machine, ends within seconds.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_whole(directory / CURRENT, str(number).encode())


def forbid(directory: Path) -> None:
    """Let none run. That needs no room on the disk.

    Raises
    ------
    OSError
        If the directory cannot be written.
    """
    (directory / CURRENT).unlink(missing_ok=True)


def current(directory: Path) -> int:
    """The number of the attempt that may run; 0 if none may."""
    try:
        return int((directory / CURRENT).read_text())
    except (FileNotFoundError, ValueError):
        return 0
