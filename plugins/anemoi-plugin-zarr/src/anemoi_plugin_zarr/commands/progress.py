"""How far something is, for the person who waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINES = 10
"""How many lines are printed where there is no terminal."""


@contextmanager
def progress(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; elsewhere print a line now and then. Gives what takes done and total."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    printed = -1
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what)

        def show(done: int, total: int) -> None:
            nonlocal printed
            bar.update(task, completed=done, total=total)
            tenth = done * _LINES // total if total else _LINES
            if not console.is_terminal and tenth > printed:
                printed = tenth
                console.print(f"{what}: {done} of {total} {unit}", highlight=False)

        yield show
