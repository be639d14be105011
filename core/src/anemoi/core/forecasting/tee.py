"""One forecast to several files: all of them whole, or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ResourceError
from ..interfaces.output import ForecastDescription, Output, State
from .postprocessing import Chain


@dataclass(frozen=True, eq=False)
class OutputFile:
    """One file of a forecast.

    Parameters
    ----------
    path
        Where it is.
    forecast
        What it takes: a domain, as the chain leaves it, and some of its lead times.
    chain
        What stands between the forecast and it; several files may share one.
    build
        What builds the output that writes it, from ``forecast``.

    Attributes
    ----------
    output
        What writes it.
    """

    path: str
    forecast: ForecastDescription
    chain: Chain
    build: Callable[[ForecastDescription], Output]
    output: Output = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", self.build(self.forecast))

    @property
    def lead_times(self) -> NDArray[np.timedelta64]:
        """The lead times that it takes."""
        return self.forecast.lead_times

    def takes(self, state: State) -> bool:
        """Whether a state belongs into it."""
        return self.forecast.domain == state.domain and bool((self.lead_times == state.lead_time).any())

    def before(self, lead_time: np.timedelta64, chain: Chain, **provenance: Any) -> OutputFile | None:
        """The same file with the lead times before one alone; None if that leaves none, or all.

        Parameters
        ----------
        lead_time
            The first that is left out.
        chain
            The same chain, begun anew.
        **provenance
            What its provenance says besides.
        """
        kept = self.lead_times[self.lead_times < lead_time]
        if len(kept) in (0, len(self.lead_times)):
            return None
        said: Mapping[str, Any] = {**self.forecast.provenance, **provenance}
        return replace(self, forecast=replace(self.forecast, lead_times=kept, provenance=said), chain=chain)


OnFile = Callable[[OutputFile], None]


class Tee:
    """Gives each state to every file that takes it; a context manager, as an output is.

    A file is begun with the first of its states and appears with the last, while later states are computed.
    Those that end with the forecast are begun at once and appear one after the other, when all states are
    written: should one fail even then, those of them that have just appeared are removed again.

    Parameters
    ----------
    parts
        The files.
    on_file
        Told of each file when it has appeared, in the thread that writes.
    """

    def __init__(self, parts: Sequence[OutputFile], on_file: OnFile = lambda part: None) -> None:
        self._parts, self._on_file = tuple(parts), on_file
        self._chains = tuple(dict.fromkeys(part.chain for part in parts))
        self._last = max((part.lead_times[-1] for part in parts), default=np.timedelta64(0, "s"))
        self._early: dict[OutputFile, ExitStack] = {}
        self._whole: list[Path] = []

    def __enter__(self) -> Tee:
        """Begin to write those that end with the forecast."""
        with ExitStack() as stack:
            stack.push(self._withdraw)
            for part in self._parts:
                if part.lead_times[-1] == self._last:
                    stack.enter_context(self._open_to_the_end(part))
            self._stack = stack.pop_all()
        return self

    def write(self, state: State) -> None:
        """Give the next state, as their chains leave it, to the files that take it.

        Raises
        ------
        DataError
            If one cannot be written.
        PluginError
            If a step of a chain fails.
        """
        # Each chain sees every state, also those that its files do not take: it may add them up.
        left = {chain: chain.apply(state) for chain in self._chains if chain.before.domain == state.domain}
        for part in self._parts:
            if not part.takes(state):
                continue
            ends_early = part.lead_times[-1] < self._last
            if ends_early and part not in self._early:
                self._early[part] = ExitStack()
                self._early[part].enter_context(self._open(part))
            with _named(part):
                part.output.write(left[part.chain])
            if ends_early and state.lead_time == part.lead_times[-1]:
                self._early.pop(part).close()
                self._on_file(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let all that are not there yet appear, or none of them."""
        with self._stack, ExitStack() as stack:
            for begun in self._early.values():
                stack.push(begun)
            if error is not None:
                raise error

    @contextmanager
    def _open_to_the_end(self, part: OutputFile) -> Iterator[None]:
        with self._open(part):
            yield
        self._whole.append(Path(part.path).expanduser())
        self._on_file(part)

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
        raise ResourceError.kind(error)(
            f"{part.path} cannot be written: {error.strerror or error}.",
            fix=f"Check that {Path(part.path).absolute().parent} can be written and has room.",
        ) from error
