"""The checkpoints of a run while it trains, written by a thread beside it, whole or not at all.

``checkpoints/step-00001000/`` holds the checkpoint that forecasts, with the weights, and the state of the
training beside it: what ``anemoi train --resume`` goes on from.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import Checkpoint, load, save
from anemoi.core.errors import AnemoiError, CheckpointError
from anemoi.core.files import appearing, leftovers, remove
from torch import Tensor

from . import state

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
STATE = "state.safetensors"
DIRECTORY = "checkpoints"

_NAME = re.compile(r"step-(\d{8,})")


class SavingError(AnemoiError):
    """A checkpoint cannot be written; those before it are as they were."""


class Checkpoints:
    """Writes the checkpoints of one run, and keeps the last of them.

    Parameters
    ----------
    directory
        That of the run.
    checkpoint
        What to save, but for the weights.
    keep
        How many.
    writes
        Whether this process writes; of several one does.
    """

    def __init__(self, directory: Path, checkpoint: Checkpoint, *, keep: int, writes: bool = True) -> None:
        self._run, self._directory = directory, directory / DIRECTORY
        self._checkpoint, self._keep, self._writes = checkpoint, keep, writes
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._pending: Future[object] | None = None

    def save(self, step: int, weights: Mapping[str, Tensor], tree: Mapping[str, Any]) -> Path:
        """Save the weights and the state of a training; writing goes on after this returns.

        Parameters
        ----------
        step
            How many were taken.
        weights
            No longer changed by anyone.
        tree
            The state, copied before this returns.

        Returns
        -------
        Path
            The directory that will appear.

        Raises
        ------
        SavingError
            If what was saved before could not be written.
        """
        path = self._directory / f"step-{step:08d}"
        checkpoint, (document, tensors) = self._with(weights), state.packed(tree)

        def write() -> None:
            if path.exists():  # this very state, saved before a step that failed
                return
            self._directory.mkdir(exist_ok=True)
            with appearing(path) as partial:
                partial.mkdir()
                save(partial / CHECKPOINT, checkpoint)
                state.write(partial / STATE, document, tensors)
            for _, older in saved(self._run)[: -self._keep]:
                remove(older)

        self._write(write)
        return path

    def save_best(self, weights: Mapping[str, Tensor]) -> None:
        """Save the weights as the best so far; the writing goes on after this returns.

        Raises
        ------
        SavingError
            If what was saved before could not be written.
        """
        checkpoint = self._with(weights)
        self._write(lambda: save(self._run / BEST, checkpoint))

    def save_last(self, weights: Mapping[str, Tensor]) -> Path:
        """Save the weights at the end of the training, and give the path when they are there.

        Raises
        ------
        SavingError
            If they cannot be written.
        """
        checkpoint = self._with(weights)
        self._write(lambda: save(self._run / CHECKPOINT, checkpoint))
        self.wait()
        return self._run / CHECKPOINT

    def check(self) -> None:
        """Raise what went wrong with the last writing, if it has ended; does not wait.

        Raises
        ------
        SavingError
            If something did.
        """
        if self._pending is not None and self._pending.done():
            self.wait()

    def wait(self) -> None:
        """Wait until all is written.

        Raises
        ------
        SavingError
            If it could not be.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            pending.result()
        except (OSError, CheckpointError) as error:
            what = error.what if isinstance(error, AnemoiError) else str(error)
            there = saved(self._run)
            last = f"The last that was saved is {there[-1][1]}." if there else "None was saved before."
            raise SavingError(
                f"A checkpoint cannot be saved: {what}\n{last}",
                fix=f"Make room, or mend the disk, and go on: anemoi train --resume {self._run}",
            ) from error

    def _with(self, weights: Mapping[str, Tensor]) -> Checkpoint:
        return dataclasses.replace(self._checkpoint, weights=weights)

    def _write(self, write: Callable[[], object]) -> None:
        self.wait()
        if self._writes:
            self._pending = self._pool.submit(write)


def saved(run: Path) -> list[tuple[int, Path]]:
    """List the checkpoints with a state that are in the directory of a run, by step, the oldest first."""
    directory = run / DIRECTORY
    if not directory.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in directory.iterdir())
    return sorted((int(match[1]), path) for match, path in named if match)


def newest(run: Path, *, clean: bool = True) -> tuple[dict[str, Any], Mapping[str, Tensor]] | None:
    """Read the newest state in the directory of a run, and the weights beside it; None if there is none.

    Parameters
    ----------
    clean
        Whether to remove what a writer that was killed has left.

    Raises
    ------
    CheckpointError
        If they cannot be read.
    """
    if clean:
        hidden = (run / DIRECTORY).glob(".*.partial*")
        for partial in (*leftovers(run / CHECKPOINT), *leftovers(run / BEST), *hidden):
            remove(partial)
    there = saved(run)
    if not there:
        return None
    _, path = there[-1]
    return state.read(path / STATE), load(path / CHECKPOINT).weights
