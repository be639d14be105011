"""Forecasts of several checkpoints side by side: each hears the newest states of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.config import Spec
from anemoi.core.errors import ImplausibleError, RequestError
from anemoi.core.forecasting import Batch, Destination, Sources, by_domain, prepare
from anemoi.core.forecasting.background import Background
from anemoi.core.forecasting.initial import step_count
from anemoi.core.forecasting.members import members_differ, not_all_differ, seeds_of
from anemoi.core.forecasting.plausible import LIMIT
from anemoi.core.forecasting.rollout import announced
from anemoi.core.forecasting.tee import OnFile, Tee
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.times import format_duration, parse_duration

from .exchange import NOW, Exchange, named
from .journals import Tasks, check_journals, journals_of, what_it_is
from .links import links_of

OnStep = Callable[[ForecastDescription, State], None]
Descriptions = Mapping[str, ForecastDescription]
"""What is to come of each domain."""


@dataclass(frozen=True, kw_only=True)
class Coupled:
    """One component of coupled forecasts.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    source
        Where its initial states are, and those forcings that no other component gives; one for each domain,
        by name, if there are several.
    destinations
        Where it is written.
    forcings
        Its forcings that come from other components, each as COMPONENT.VARIABLE. Variables of a component
        with several domains are DOMAIN.VARIABLE: ``{"lam.sst": "ocean.sst"}``.
    perturbation
        What gives each member but the first an initial state of its own, with its options.
    persist, allow_unusual
        As for :func:`anemoi.core.forecast`.
    """

    checkpoint: Checkpoint
    source: DataSource | Sources
    destinations: Sequence[Destination]
    forcings: Mapping[str, str]
    perturbation: Spec | None = None
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
    restart
        Keep a journal of each component beside its first file until all are whole, and go on from those of
        an interrupted coupling: the forecasts are the same to the bit.
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
        restart: bool = False,
        device: str = "cpu",
        trust_code: bool = False,
        allow_different_versions: bool = False,
    ) -> None:
        checkpoints = {name: component.checkpoint for name, component in components.items()}
        self.interval = parse_duration(interval)
        self._links = links_of(checkpoints, {name: each.forcings for name, each in components.items()})
        self._steps = {name: each.steps for name, each in checkpoints.items()}
        self._check_steps()
        _check_paths(components, restart=restart)
        sources = {
            name: by_domain(component.checkpoint, component.source) for name, component in components.items()
        }
        self._exchange = Exchange(
            checkpoints, sources, self._links, self.interval, neighbours=neighbours, members=members
        )
        self._exchange.check(dates)
        about = what_it_is(self._exchange, self.interval, neighbours)
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
                        persist=(*component.persist, *self._exchange.heard_by(name)),
                        seed=seed,
                        perturbation=component.perturbation,
                        limit=limit,
                        allow_unusual=component.allow_unusual,
                        overwrite=overwrite,
                        restart=restart,
                        about=about,
                        differ_elsewhere=True,
                        device=device,
                        trust_code=trust_code,
                        allow_different_versions=allow_different_versions,
                    )
                stack.callback(batch.locks.release)
                self._batches[name] = replace(batch, persist=tuple(component.persist))
            if members > 1:
                self._check_members(members)
            check_journals(
                self.tasks,
                {name: step_count(each, parse_duration(lead_time)) for name, each in checkpoints.items()},
            )
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
            for journal in (journal for tasks in self.tasks for journal in journals_of(tasks)):
                journal.remove()

    def _make(self, tasks: Tasks, on_step: OnStep, on_file: OnFile) -> None:
        """Make those of one date that are not whole, from their journals as far as these go."""
        left = {
            name: task.forecasts
            for name, task in tasks.items()
            if task.journal is None or not task.journal.whole
        }
        if not left:
            return
        try:
            self._go_through(left, tasks, on_step, on_file)
        except ImplausibleError:
            for journal in journals_of(tasks):
                journal.remove()  # there is nothing to go on from
            raise
        for journal in journals_of(tasks):  # only now, when none needs the states of another any more
            journal.finish()

    def _go_through(
        self, left: Mapping[str, Descriptions], tasks: Tasks, on_step: OnStep, on_file: OnFile
    ) -> None:
        described = [each for forecasts in left.values() for each in forecasts.values()]
        start, end = described[0].start, max(each.lead_times[-1] for each in described)
        self._exchange.begin(start)
        with ExitStack() as stack:
            stack.enter_context(announced(*described))
            outputs, states = {}, {}
            for name in left:
                outputs[name] = stack.enter_context(Background(Tee(tasks[name].parts, on_file)))
                states[name] = stack.enter_context(
                    closing(self._batches[name].forecast(tasks[name]).states())
                )
            for begin in np.arange(NOW, end, self.interval):
                newest = {}
                for name, forecasts in left.items():
                    leads = np.concatenate([each.lead_times for each in forecasts.values()])
                    count = int(((leads > begin) & (leads <= begin + self.interval)).sum())
                    with named(name):
                        for state in islice(states[name], count):
                            outputs[name].write(state)
                            on_step(forecasts[state.domain], state)
                            newest[name, state.domain] = state.fields
                if begin + self.interval < end:
                    self._exchange.hear(start + begin + self.interval, newest)

    def _check_members(self, members: int) -> None:
        """Check that the members of each component differ, by itself or by what it hears.

        Raises
        ------
        RequestError
            If some of those of one would be the same.
        """
        differ = {
            name
            for name, batch in self._batches.items()
            if members_differ(
                batch.model,
                batch.sources,
                next(iter(batch.tasks[0].forecasts.values())).start,
                seeds_of(batch.seed, members),
                perturbed=batch.perturbation is not None,
            )
        }
        for _ in self._batches:  # what differs is passed on by one component a round
            differ |= {link.to[0] for link in self._links if link.of[0] in differ}
        for name, batch in self._batches.items():
            if name not in differ:
                with named(name):
                    raise not_all_differ(members, len(batch.model.network.networks))

    def _check_steps(self) -> None:
        """Check that each has finished a step at every interval, and that what is heard is there by then."""
        steps = {name: next(iter(each.values())).step for name, each in self._steps.items()}
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
            (component, domain), (other, their_domain) = link.to, link.of
            if self._steps[other][their_domain].outputs[-1] != steps[other]:
                raise RequestError(
                    f"{link}: {other} gives no state where its step ends, so none is there to be heard.",
                    fix=f"Let {other} hear the others alone.",
                )
            if self._steps[component][domain].inputs[-1] > NOW:
                raise RequestError(
                    f"{link}: {component} takes states after the one that it starts from, which no "
                    "other component has reached.",
                    fix="Give it that forcing from a source.",
                )


def _check_paths(components: Mapping[str, Coupled], *, restart: bool) -> None:
    """Check that no two components write one file, and that there is one to keep each journal beside."""
    taken: dict[str, str] = {}
    for name, component in components.items():
        if restart and not component.destinations:
            raise RequestError(
                f"{name} is written nowhere, so that no journal can lie beside it.", fix="Give it an output."
            )
        for destination in component.destinations:
            if taken.setdefault(destination.path, name) != name:
                raise RequestError(
                    f"{destination.path} is an output of {taken[destination.path]} and of {name}.",
                    fix="Give each component paths of its own.",
                )
