"""What the components of a coupled forecast tell each other: from grid to grid, in the units of who hears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.errors import DataError, ImplausibleError, NotThereError
from anemoi.core.forecasting.initial import Sources
from anemoi.core.forecasting.inputs import read
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from .links import Link, Place
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
        Of each component, one for each domain, in the units and on the points of its checkpoint.
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
        Those that forecasts of the components read, by domain: where something is heard, it is the newest.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Checkpoint],
        sources: Mapping[str, Sources],
        links: Sequence[Link],
        interval: np.timedelta64,
        *,
        neighbours: int,
        members: int,
    ) -> None:
        self._domains = {
            (name, domain): each
            for name, checkpoint in checkpoints.items()
            for domain, each in checkpoint.domains.items()
        }
        self._inputs = {
            (name, domain): checkpoints[name].steps[domain].inputs for name, domain in self._domains
        }
        self._checkpoints = checkpoints
        self._own, self._links, self._members = sources, tuple(links), members
        self._regriddings = {link: self._regridding(link, neighbours) for link in links}
        heard: dict[Place, dict[str, dict[str, str]]] = {}
        for link in links:
            other, domain = link.of
            heard.setdefault(link.to, {})[link.forcing] = {
                "component": other,
                **({"domain": domain} if len(checkpoints[other].domains) > 1 else {}),
                "variable": link.variable,
                "checkpoint": str(checkpoints[other].as_parent()["identity"]),
                "interval": format_duration(interval),
            }
        self._hearing = {
            (name, domain): CoupledSource(sources[name][domain], self._domains[name, domain], told)
            for (name, domain), told in heard.items()
        }
        self.sources: dict[str, dict[str, DataSource]] = {
            name: {domain: self._hearing.get((name, domain), source) for domain, source in own.items()}
            for name, own in sources.items()
        }

    @property
    def identities(self) -> dict[str, str]:
        """Checkpoints and sources of all components, and who hears what."""
        found = {name: str(each.as_parent()["identity"]) for name, each in self._checkpoints.items()}
        for name, sources in self._own.items():
            for domain, source in sources.items():
                found[f"{name}.{domain}"] = str(source.provenance.get("identity"))
        return {**found, "links": "; ".join(map(str, self._links))}

    def heard_by(self, component: str) -> list[str]:
        """The forcings that a component hears, of all its domains."""
        return list(dict.fromkeys(link.forcing for link in self._links if link.to[0] == component))

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
            if link.variable not in self._source(link.of).variables:
                raise DataError(
                    f"{link}: the source of {link.of[0]} has no {link.variable} for the start.",
                    fix="Choose a source that has it, or another variable.",
                )
            for date in dates:
                for offset in self._offsets(link):
                    self._last(link.of, date + offset)

    def begin(self, start: np.datetime64) -> None:
        """Let every component hear the states that the others start from, at each of its input times."""
        for source in self._hearing.values():
            source.forget()
        for link in self._links:
            own, domain = self._source(link.of), self._domains[link.of]
            for offset in self._offsets(link):
                with named(link.of[0]):
                    last = self._last(link.of, start + offset)
                    values = read(own, domain, (link.variable,), last, self._members)
                self._tell(link, start + offset, values[..., 0])

    def hear(self, time: np.datetime64, newest: Mapping[Place, NDArray[np.float32]]) -> None:
        """Let every component hear the states that the others have reached, ``(members, grid, outputs)``.

        One that has reached none, because all that it forecasts was written before, tells nothing.
        """
        for link in self._links:
            if link.of in newest:
                column = self._domains[link.of].outputs.index(link.variable)
                self._tell(link, time, newest[link.of][..., column])

    def _tell(self, link: Link, time: np.datetime64, values: NDArray[np.float32]) -> None:
        heard = self._regriddings[link](link.converted(values))
        self._hearing[link.to].hear(link.forcing, time, heard)

    def _source(self, place: Place) -> DataSource:
        component, domain = place
        return self._own[component][domain]

    def _offsets(self, link: Link) -> list[np.timedelta64]:
        """When a component hears at the start, relative to it: at the times of the states that it takes."""
        return [offset for offset in self._inputs[link.to] if offset <= NOW]

    def _regridding(self, link: Link, neighbours: int) -> Regridding:
        ours, theirs = self._domains[link.to], self._domains[link.of]
        return Regridding(theirs.grid, ours.grid, neighbours, ours.missing.get(link.forcing))

    def _last(self, place: Place, time: np.datetime64) -> np.datetime64:
        """The time of the last state of a component's source at or before ``time``.

        Raises
        ------
        NotThereError
            If there is none within the time from one state to the next.
        """
        source = self._source(place)
        near = source.times[(source.times <= time) & (source.times > time - source.frequency)]
        there = [each for each in near if each not in source.missing]
        if not there:
            raise NotThereError(
                f"The components have no common time: {place[0]} has no state that holds at "
                f"{format_date(time)}; its states run from {format_date(source.times[0])} to "
                f"{format_date(source.times[-1])} "
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
