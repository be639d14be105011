"""How far a training has come, for the person who waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

T = TypeVar("T")

_LINES = 10
"""How many lines are printed where there is no terminal."""

_EARLY = 50
"""One more where there is no terminal, after a fiftieth of the steps: whoever waits soon knows how long."""

_SHOWN = 20
"""Over how many of the last steps what is shown is a mean."""

_MUCH = 0.05
"""The share of the time above which waiting for data is worth a word where there is no terminal."""


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
    """A bar with the time left on a terminal; elsewhere a line now and then, with an estimate of it.

    A step that is rolled out over two forecast steps takes about twice as long as one over one, and counts
    as much.

    Parameters
    ----------
    phases
        The forecast steps that the loss is the mean of, and for how many optimisation steps: see
        :func:`.loop.phases`.
    console
        Where it is shown.
    quiet
        Whether to show nothing.
    clock
        The time in seconds.
    """

    def __init__(
        self,
        phases: Sequence[tuple[int, int]],
        *,
        console: Console | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._phases, self._clock = phases, clock
        self._steps, self._work = sum(steps for _, steps in phases), work(phases)
        self._losses: deque[float] = deque(maxlen=_SHOWN)
        self._waits: deque[float] = deque(maxlen=_SHOWN)
        self._first: tuple[float, int] | None = None
        self._console = console or Console(stderr=True, quiet=quiet)
        self._bar = Bar(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.fields[step]}/{task.fields[steps]}"),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[waits]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            "training", total=self._work, loss="", waits="", step=0, steps=self._steps
        )

    def wait(self, share: float) -> None:
        """Take note of the share of the next step that was spent waiting for data."""
        self._waits.append(share)

    def step(self, step: int, loss: float) -> None:
        """Show that an optimisation step was taken."""
        now = self._clock()
        done = work(self._phases, step)
        # When the first step here had ended, and the work up to it, which is not 1 in a run that goes on.
        self._first = (now, done) if self._first is None else self._first
        self._losses.append(loss)
        count, waits = len(self._losses), sum(self._waits) / max(1, len(self._waits))
        shown = f"{sum(self._losses) / count:.4f}" + (f" (mean of {count} steps)" if count > 1 else "")
        waiting = f"{waits:.0%} of the time waiting for data"
        self._bar.update(self._task, completed=done, step=step, loss=shown, waits=waiting)
        if not self._console.is_terminal and self._is_shown(step):
            # The first step warms up: it says nothing of how long the others take.
            began, before = self._first
            speed = (done - before) / elapsed if (elapsed := now - began) > 0 else 0.0
            left = f", {in_words((self._work - done) / speed)} left" if speed and step < self._steps else ""
            limit = f", {waiting}" if waits > _MUCH else ""
            line = f"step {step} of {self._steps}, loss {shown}{limit}{left}"
            self._console.print(line, highlight=False, soft_wrap=True)

    def _is_shown(self, step: int) -> bool:
        return (
            step == self._steps // _EARLY or step * _LINES // self._steps > (step - 1) * _LINES // self._steps
        )

    def __enter__(self) -> Progress:
        if self._console.is_terminal:  # Elsewhere even a disabled bar may leave an empty line.
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()


def work(phases: Iterable[tuple[int, int]], first: int | None = None) -> int:
    """Count the forecast steps that the network makes in the ``first`` optimisation steps, or in all."""
    done = 0
    for rollout, steps in phases:
        taken = steps if first is None else min(steps, first)
        done += rollout * taken
        first = None if first is None else first - taken
    return done


def in_words(seconds: float) -> str:
    """Say roughly how long something takes: ``about 5 min``."""
    if seconds < 60:
        return "less than 1 min"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 120 else f"about {round(minutes / 60)} h"
