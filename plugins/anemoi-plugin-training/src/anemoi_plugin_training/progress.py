"""How far a training has come, for the person who waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

T = TypeVar("T")

_LINES = 10
"""How many lines are printed where there is no terminal."""

_MEMORY = 0.95
"""The loss shown is a running mean over about the last 1 / (1 - 0.95) = 20 steps."""


def reading(chunks: Iterable[T], count: int) -> Iterator[T]:
    """Give what is read for the statistics of the training data, with a bar on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from chunks
        return
    columns = (
        TextColumn("reading the training data"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        yield from bar.track(chunks, total=count)


class Progress:
    """A bar on a terminal; elsewhere a line now and then.

    Parameters
    ----------
    steps
        How many optimisation steps there will be.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._loss: float | None = None
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=steps, loss="")

    def step(self, step: int, loss: float) -> None:
        """Show that an optimisation step was taken."""
        self._loss = loss if self._loss is None else _MEMORY * self._loss + (1 - _MEMORY) * loss
        self._bar.update(self._task, completed=step, loss=f"{self._loss:.4f}")
        if (
            not self._console.is_terminal
            and step * _LINES // self._steps > (step - 1) * _LINES // self._steps
        ):
            self._console.print(f"step {step} of {self._steps}, loss {self._loss:.4f}", highlight=False)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:  # Elsewhere even a disabled bar may leave an empty line.
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()
