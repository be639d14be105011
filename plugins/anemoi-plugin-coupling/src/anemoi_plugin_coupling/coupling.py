"""Forecasts of several checkpoints side by side: each hears the newest states of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.errors import RequestError
from anemoi.core.forecasting import Batch, Destination, Task, by_domain, prepare
from anemoi.core.forecasting.background import Background
from anemoi.core.forecasting.plausible import LIMIT
from anemoi.core.forecasting.rollout import announced
from anemoi.core.forecasting.tee import OnFile, Tee
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.times import format_duration, parse_duration

from .exchange import NOW, Exchange, named
from .links import links_of

OnStep = Callable[[ForecastDescription, State], None]
Tasks = Mapping[str, Task]
"""The forecast of each component from one date."""


@dataclass(frozen=True, kw_only=True)
class Coupled:
    """One component of coupled forecasts.

    Parameters
    ----------
    checkpoint
        The checkpoint, of one domain.
    source
        Where its initial states are, and those forcings that no other component gives.
    destinations
        Where it is written.
    forcings
        Its forcings that come from other components, each as COMPONENT.VARIABLE.
    persist, allow_unusual
        As for :func:`anemoi.core.forecast`.
    """

    checkpoint: Checkpoint
    source: DataSource
    destinations: Sequence[Destination]
    forcings: Mapping[str, str]
    persist: Sequence[str] = ()
    allow_unusual: Sequence[str] = ()


class Coupling:
    """Coupled forecasts that are ready to be made; everything is checked when it is built.

    All components start at the same date. At every multiple of ``interval`` each hears the state that every
    other has reached, brought to its own grid and units, and keeps it until the next; at the start and before
    it, the states that the others start from. As nobody waits for a state that another has yet to make, any
    components may hear each other, and their order does not matter.

    Parameters
    ----------
    components
        Two or more, by name.
    dates
        The times to start from.
    interval, lead_time
        How often they hear each other, and how far the forecasts go.
    neighbours
        How many points of another grid a value is taken from.
    members, seed, limit
        As for :func:`anemoi.core.forecast`, of every component.
    overwrite
        Whether files that are there already may be replaced.
    device
        Where to compute.
    trust_code, allow_different_versions
        See :func:`anemoi.core.checkpoint.build_model`.

    Raises
    ------
    AnemoiError
        If something will not do: nothing is written.
    """

    def __init__(
        self,
        components: Mapping[str, Coupled],
        dates: Sequence[np.datetime64],
        interval: str | np.timedelta64,
        lead_time: str | np.timedelta64,
        *,
        neighbours: int = 4,
        members: int = 1,
        seed: int | Sequence[int] = 0,
        limit: float = LIMIT,
        overwrite: bool = False,
        device: str = "cpu",
        trust_code: bool = False,
        allow_different_versions: bool = False,
    ) -> None:
        checkpoints = {name: component.checkpoint for name, component in components.items()}
        self.interval = parse_duration(interval)
        self._links = links_of(checkpoints, {name: each.forcings for name, each in components.items()})
        self._steps = {name: next(iter(each.steps.values())) for name, each in checkpoints.items()}
        self._check_steps()
        _check_paths(components)
        sources = {
            name: next(iter(by_domain(component.checkpoint, component.source).values()))
            for name, component in components.items()
        }
        self._exchange = Exchange(
            checkpoints, sources, self._links, self.interval, neighbours=neighbours, members=members
        )
        self._exchange.check(dates)
        self._batches: dict[str, Batch] = {}
        with ExitStack() as stack:
            for name, component in components.items():
                # The check takes what is heard for persisted: after the start no source need have it.
                with named(name):
                    batch = prepare(
                        component.checkpoint,
                        self._exchange.sources[name],
                        dates,
                        component.destinations,
                        lead_time,
                        members=members,
                        persist=(*component.persist, *component.forcings),
                        seed=seed,
                        limit=limit,
                        allow_unusual=component.allow_unusual,
                        overwrite=overwrite,
                        device=device,
                        trust_code=trust_code,
                        allow_different_versions=allow_different_versions,
                    )
                stack.callback(batch.locks.release)
                self._batches[name] = replace(batch, persist=tuple(component.persist))
            self._locks = stack.pop_all()

    @property
    def tasks(self) -> list[Tasks]:
        """The forecasts of all components, date by date."""
        number = len(next(iter(self._batches.values())).tasks)
        return [{name: batch.tasks[date] for name, batch in self._batches.items()} for date in range(number)]

    def run(
        self,
        on_step: OnStep = lambda forecast, state: None,
        on_file: OnFile = lambda part: None,
    ) -> Iterator[Tasks]:
        """Make them, one date after the other; give those of each date as their files are whole.

        Parameters
        ----------
        on_step
            Told of each state when it is left to be written.
        on_file
            Told of each file when it has appeared, in the thread that writes.

        Raises
        ------
        AnemoiError
            If the initial states will not do, or a file cannot be written.
        ImplausibleError
            If a component has values that cannot be; no file of that date is left that was not whole.
        """
        with self._locks:
            for tasks in self.tasks:
                self._make(tasks, on_step, on_file)
                yield tasks

    def _make(self, tasks: Tasks, on_step: OnStep, on_file: OnFile) -> None:
        descriptions = {name: next(iter(task.forecasts.values())) for name, task in tasks.items()}
        start = next(iter(descriptions.values())).start
        end = max(described.lead_times[-1] for described in descriptions.values())
        self._exchange.begin(start)
        with ExitStack() as stack:
            stack.enter_context(announced(*descriptions.values()))
            outputs, states = {}, {}
            for name, batch in self._batches.items():
                outputs[name] = stack.enter_context(Background(Tee(tasks[name].parts, on_file)))
                states[name] = stack.enter_context(closing(batch.forecast(tasks[name]).states()))
            for begin in np.arange(NOW, end, self.interval):
                newest = {}
                for name, described in descriptions.items():
                    leads = described.lead_times
                    count = int(((leads > begin) & (leads <= begin + self.interval)).sum())
                    with named(name):
                        for state in islice(states[name], count):
                            outputs[name].write(state)
                            on_step(described, state)
                            newest[name] = state.fields
                if begin + self.interval < end:
                    self._exchange.hear(start + begin + self.interval, newest)

    def _check_steps(self) -> None:
        """Check that each has finished a step at every interval, and that what is heard is there by then."""
        steps = {name: steps.step for name, steps in self._steps.items()}
        if wrong := [name for name, step in steps.items() if not self.interval or self.interval % step]:
            common = np.lcm.reduce(
                [step.astype("timedelta64[s]").astype(np.int64) for step in steps.values()]
            )
            raise RequestError(
                f"interval: {format_duration(self.interval)} is not a multiple of the step of "
                + ", ".join(f"{name} ({format_duration(steps[name])})" for name in wrong)
                + ".",
                fix=f"Choose a multiple of {format_duration(np.timedelta64(int(common), 's'))}.",
            )
        for link in self._links:
            if self._steps[link.other].outputs[-1] != steps[link.other]:
                raise RequestError(
                    f"{link}: {link.other} gives no state where its step ends, so none is there to be heard.",
                    fix=f"Let {link.other} hear the others alone.",
                )
            if self._steps[link.component].inputs[-1] > NOW:
                raise RequestError(
                    f"{link}: {link.component} takes states after the one that it starts from, which no "
                    "other component has reached.",
                    fix="Give it that forcing from a source.",
                )


def _check_paths(components: Mapping[str, Coupled]) -> None:
    """Check that no two components write one file."""
    taken: dict[str, str] = {}
    for name, component in components.items():
        for destination in component.destinations:
            if taken.setdefault(destination.path, name) != name:
                raise RequestError(
                    f"{destination.path} is an output of {taken[destination.path]} and of {name}.",
                    fix="Give each component paths of its own.",
                )
