"""The check of an output whose process dies in the middle of its work, as when the power fails."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ._check import NotApplicableError, Subject, contract, require
from ._forecasts import digest, misread, new_folder, place, reader_of, write
from ._process import PATIENCE

MOST = 3
"""How many deaths are tried at moments that look bad."""


@contract(
    after=(
        "builds",
        "leaves_a_whole_file",
        "is_read_back",
        "hides_what_is_not_whole",
        "overwrites_when_told",
    )
)
def leaves_no_part_when_killed(subject: Subject) -> None:
    """Killed at any moment, it leaves nothing at the path, or a whole forecast, the old one or the new.

    What else it leaves does not look like a forecast: its name is hidden, or has another ending.
    """
    if not hasattr(os, "fork"):
        raise NotApplicableError("this system does not fork")
    for overwrite in (False, True):
        for moment in _moments(subject, overwrite):
            with new_folder() as folder:
                path = place(subject, folder)
                old = _write_old(subject, path) if overwrite else ""
                _write_watched(subject, path, overwrite, partial(_die, moment))
                if path.exists() and not (overwrite and digest(path) == old):
                    fault = _fault(subject, path)
                    require(not fault, f"killed in the middle, it leaves a part at the path: {fault}")
                alike = _alike(path)
                require(not alike, f"killed in the middle, it leaves {', '.join(alike)} beside the path")


def _write_old(subject: Subject, path: Path) -> str:
    """Let another forecast lie there already."""
    write(subject, path, seed=1)
    return digest(path)


def _alike(path: Path) -> list[str]:
    """What lies beside ``path`` and can be taken for it."""
    return [
        each.name
        for each in path.parent.iterdir()
        if each != path and each.name[0] != "." and each.name.endswith(path.suffix)
    ]


def _fault(subject: Subject, path: Path) -> str:
    """What is not as in a whole forecast; without a reader, sizes alone can tell."""
    try:
        reader = reader_of(subject)
    except NotApplicableError:
        with new_folder() as folder:
            write(subject, place(subject, folder))
            same = _sizes(place(subject, folder)) == _sizes(path)
            return "" if same else "its size is not that of a whole one"
    try:
        return misread(reader, path)
    except Exception as error:
        return f"to read it raises {type(error).__name__}: {error}"


def _sizes(path: Path) -> list[tuple[str, int]]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(str(each.relative_to(path)), each.stat().st_size) for each in files if each.is_file()]


def _moments(subject: Subject, overwrite: bool) -> list[int]:
    """The steps at which to die: half way, at the last change of a file, and where a part seems to lie open.

    They are found by writing once and looking at what lies there each time that something changed.
    """
    seen: list[tuple[int, str, bool]] = []  # at which step, what is at the path, whether more is beside it
    steps, last = 0, ""
    with new_folder() as folder:
        path = place(subject, folder)
        old = _write_old(subject, path) if overwrite else ""

        def look(step: int) -> None:
            nonlocal steps, last
            steps, now = step, f"{_stamp(folder)} {_stamp(path)}"
            if now != last:
                last = now
                with suppress(OSError):  # Another thread may take away what is looked at.
                    seen.append((step, digest(path) if path.exists() else "", bool(_alike(path))))

        answer, end = multiprocessing.Pipe(duplex=False)
        _write_watched(subject, path, overwrite, look, lambda: end.send((seen, steps, digest(path))))
        if not answer.poll():
            raise NotApplicableError("it does not write in a process that is forked off")
        seen, steps, new = answer.recv()
    bad = [step for step, there, beside in seen if beside or there not in ("", old, new)]
    return sorted({steps // 2, seen[-1][0], *bad[:MOST], *bad[-MOST:]})


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def _die(last: int, step: int) -> None:
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)


def _write_watched(
    subject: Subject,
    path: Path,
    overwrite: bool,
    look: Callable[[int], None],
    end: Callable[[], None] = lambda: None,
) -> None:
    """Write the forecast in a process that is forked off, and look after each call of what is not Python."""
    steps = 0

    def step(frame: Any, event: str, argument: Any) -> None:
        nonlocal steps
        if event == "c_return":  # Files change within such calls alone.
            steps += 1
            look(steps)

    def target() -> None:
        threading.setprofile(step)
        sys.setprofile(step)
        try:
            write(subject, path, overwrite=overwrite)
        except BaseException:
            os._exit(1)
        sys.setprofile(None)
        end()

    process = multiprocessing.get_context("fork").Process(target=target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # That it has threads: they end with it.
        process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise NotApplicableError(f"in a process that is forked off it takes longer than {PATIENCE:g} s")
