"""What the components of a coupled forecast tell each other: from grid to grid, in the units of who hears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.errors import DataError, ImplausibleError, NotThereError
from anemoi.core.forecasting.inputs import read
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from .links import Link, domain_of
from .regridding import Regridding
from .source import CoupledSource

NOW = np.timedelta64(0, "s")


class Exchange:
    """Brings the states that components have reached into the sources of those that hear them.

    Parameters
    ----------
    checkpoints
        Of each component.
    sources
        Of each component, in the units and on the points of its checkpoint.
    links
        Who hears what of whom.
    interval
        How often, for the provenance.
    neighbours
        How many points of another grid a value is taken from.
    members
        How many ensemble members.

    Attributes
    ----------
    sources
        Those that forecasts of the components read: where something is heard, it is the newest.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Checkpoint],
        sources: Mapping[str, DataSource],
        links: Sequence[Link],
        interval: np.timedelta64,
        *,
        neighbours: int,
        members: int,
    ) -> None:
        self._domains = {name: domain_of(checkpoint) for name, checkpoint in checkpoints.items()}
        self._inputs = {name: next(iter(each.steps.values())).inputs for name, each in checkpoints.items()}
        self._own, self._links, self._members = sources, tuple(links), members
        self._regriddings = {link: self._regridding(link, neighbours) for link in links}
        heard: dict[str, dict[str, dict[str, str]]] = {name: {} for name in checkpoints}
        for link in links:
            heard[link.component][link.forcing] = {
                "component": link.other,
                "variable": link.variable,
                "checkpoint": str(checkpoints[link.other].as_parent()["identity"]),
                "interval": format_duration(interval),
            }
        self.sources = {
            name: CoupledSource(source, self._domains[name], heard[name]) for name, source in sources.items()
        }

    def check(self, dates: Sequence[np.datetime64]) -> None:
        """Check that the sources have all that is heard at the start of forecasts from ``dates``.

        Raises
        ------
        DataError
            If one lacks a variable.
        NotThereError
            If one has no state that holds then.
        """
        for link in self._links:
            if link.variable not in self._own[link.other].variables:
                raise DataError(
                    f"{link}: the source of {link.other} has no {link.variable} for the start.",
                    fix="Choose a source that has it, or another variable.",
                )
            for date in dates:
                for offset in self._offsets(link):
                    self._last(link.other, date + offset)

    def begin(self, start: np.datetime64) -> None:
        """Let every component hear the states that the others start from, at each of its input times."""
        for source in self.sources.values():
            source.forget()
        for link in self._links:
            own, domain = self._own[link.other], self._domains[link.other]
            for offset in self._offsets(link):
                with named(link.other):
                    last = self._last(link.other, start + offset)
                    values = read(own, domain, (link.variable,), last, self._members)
                self._tell(link, start + offset, values[..., 0])

    def hear(self, time: np.datetime64, newest: Mapping[str, NDArray[np.float32]]) -> None:
        """Let every component hear the states that the others have reached, ``(members, grid, outputs)``."""
        for link in self._links:
            column = self._domains[link.other].outputs.index(link.variable)
            self._tell(link, time, newest[link.other][..., column])

    def _tell(self, link: Link, time: np.datetime64, values: NDArray[np.float32]) -> None:
        heard = self._regriddings[link](link.converted(values))
        self.sources[link.component].hear(link.forcing, time, heard)

    def _offsets(self, link: Link) -> list[np.timedelta64]:
        """When a component hears at the start, relative to it: at the times of the states that it takes."""
        return [offset for offset in self._inputs[link.component] if offset <= NOW]

    def _regridding(self, link: Link, neighbours: int) -> Regridding:
        ours, theirs = self._domains[link.component], self._domains[link.other]
        return Regridding(theirs.grid, ours.grid, neighbours, ours.missing.get(link.forcing))

    def _last(self, name: str, time: np.datetime64) -> np.datetime64:
        """The time of the last state of a component's source at or before ``time``.

        Raises
        ------
        NotThereError
            If there is none within the time from one state to the next.
        """
        source = self._own[name]
        near = source.times[(source.times <= time) & (source.times > time - source.frequency)]
        there = [each for each in near if each not in source.missing]
        if not there:
            raise NotThereError(
                f"The components have no common time: {name} has no state that holds at {format_date(time)}; "
                f"its states run from {format_date(source.times[0])} to {format_date(source.times[-1])} "
                f"every {format_duration(source.frequency)}.",
                fix="Choose another date, or another source.",
            )
        return np.datetime64(there[-1], "s")


@contextmanager
def named(component: str) -> Iterator[None]:
    """Say of which component an error is."""
    try:
        yield
    except ImplausibleError as error:
        what = (
            f"{component}: {error.what}\nAll components stopped; files of this date that were not whole are "
            "removed."
        )
        raise ImplausibleError(what, fix=error.fix or "", lead_time=error.lead_time) from error
    except DataError as error:
        raise type(error)(f"{component}: {error.what}", fix=error.fix) from error
