"""One forecast to several files: all of them whole, or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..interfaces.output import Output, State


@dataclass(frozen=True, eq=False)
class OutputFile:
    """One file of a forecast.

    Parameters
    ----------
    path
        Where it is.
    output
        What writes it.
    lead_times
        The lead times that it takes.
    domain
        The domain that it takes them of.
    """

    path: str
    output: Output
    lead_times: NDArray[np.timedelta64]
    domain: str = "data"


class Tee:
    """Gives each state to every file that takes it; a context manager, as an output is.

    The files appear one after the other, when all states are written. Should one fail even then, those
    that have just appeared are removed again.

    Parameters
    ----------
    parts
        The files.
    """

    def __init__(self, parts: Sequence[OutputFile]) -> None:
        self._parts = tuple(parts)
        self._whole: list[Path] = []

    def __enter__(self) -> Tee:
        """Begin to write all of them."""
        with ExitStack() as stack:
            stack.push(self._withdraw)
            for part in self._parts:
                stack.enter_context(self._open(part))
            self._stack = stack.pop_all()
        return self

    def write(self, state: State) -> None:
        """Give the next state to the files that take it.

        Raises
        ------
        DataError
            If one cannot be written.
        """
        for part in self._parts:
            if part.domain == state.domain and (part.lead_times == state.lead_time).any():
                with _named(part):
                    part.output.write(state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let all of them appear, or none."""
        self._stack.__exit__(kind, error, traceback)

    @contextmanager
    def _open(self, part: OutputFile) -> Iterator[None]:
        with _named(part):
            part.output.__enter__()
        try:
            yield
        except BaseException as error:
            part.output.__exit__(type(error), error, error.__traceback__)
            raise
        with _named(part):
            part.output.__exit__(None, None, None)
        self._whole.append(Path(part.path).expanduser())

    def _withdraw(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            return
        for path in self._whole:
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _named(part: OutputFile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{part.path} cannot be written: {error.strerror or error}.",
            fix=f"Check that {Path(part.path).absolute().parent} can be written and has room.",
        ) from error
