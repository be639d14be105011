"""The forecast itself: each state from the last ones, one after another."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoint import Checkpoint, build_model, load
from ..errors import DataError
from ..forcings import Forcings
from ..interfaces.data_source import DataSource
from ..interfaces.output import ForecastDescription, State
from ..model import ForecastModel
from ..plugins import hooks
from ..provenance import provenance
from ..times import format_date, parse_date
from .initial import initial_states, lead_times
from .journal import Journal

LEAD_TIME = "10d"
"""How far a forecast goes unless it is told: the medium range."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast that is ready to be made; iterating over it yields a :class:`State` for each lead time.

    The events ``forecast_started``, ``forecast_step`` and ``forecast_finished`` are broadcast on the way.

    Parameters
    ----------
    description
        What is to come, for the output that takes it.
    model
        On the device that computes.
    frequency
        The time from one state to the next.
    initial
        The states that it starts from, ``(input_steps, ensemble, grid, variable)``, in physical units.
    journal
        Where each state is kept, and read if it is there already; none if None.
    """

    description: ForecastDescription
    model: ForecastModel
    frequency: np.timedelta64
    initial: Tensor
    journal: Journal | None = None

    def __iter__(self) -> Generator[State, None, None]:
        """Compute each state when it is asked for."""
        with announced(self.description):
            yield from self.states()

    def states(self) -> Generator[State, None, None]:
        """Compute each state when it is asked for; who asks says that the forecast starts and ends."""
        events = hooks()
        for state in self._states():
            yield state
            events.send("forecast_step", forecast=self.description, state=state)

    def _states(self) -> Iterator[State]:
        start = self.description.start
        states = self.model.normalise(self.initial)  # (input_steps, ensemble, grid, variable)
        if self.journal is not None:
            self._check_initial(self.journal, states)
        for step, lead in enumerate(self.description.lead_times):
            new = self._recorded(len(self.initial) + step)
            if new is None:
                new = self._advance(states, start + lead - self.frequency)
                self._record(new)
            states = torch.cat([states[1:], new[None]])
            yield State(start, lead, self.model.denormalise(new).cpu().numpy())

    @cached_property
    def _forcings(self) -> Forcings:
        grid = self.description.grid
        return Forcings(self.model.forcings, grid.latitudes, grid.longitudes)

    @torch.inference_mode()
    def _advance(self, states: Tensor, time: np.datetime64) -> Tensor:
        """Compute the next state, ``(ensemble, grid, variable)``, from the last, which is at ``time``."""
        known = self._forcings.at(np.array([time]))
        new: Tensor = self.model(states[None], torch.from_numpy(known).to(states.device))[0]
        return new

    def _recorded(self, number: int) -> Tensor | None:
        if self.journal is None or number >= len(self.journal):
            return None
        found = self.journal.state(number, tuple(self.initial.shape[1:]))
        return torch.from_numpy(found).to(self.initial.device)

    def _record(self, state: Tensor) -> None:
        if self.journal is not None:
            self.journal.append(state.cpu().numpy())

    def _check_initial(self, journal: Journal, states: Tensor) -> None:
        """Begin the journal with the states that the forecast starts from, or check that they are those."""
        for number, state in enumerate(states):
            before = self._recorded(number)
            if before is None:
                self._record(state)
            elif not torch.equal(before, state):
                raise DataError(
                    f"The initial states are others than those in {journal.path}: the data have changed.",
                    fix="Remove the journal to start anew.",
                )


@contextmanager
def announced(forecast: ForecastDescription) -> Iterator[None]:
    """Broadcast that a forecast starts, and with the end of the context how it ended."""
    events = hooks()
    events.send("forecast_started", forecast=forecast)
    status = "failed"
    try:
        yield
        status = "finished"
    except (GeneratorExit, KeyboardInterrupt):
        status = "interrupted"
        raise
    finally:
        events.send("forecast_finished", forecast=forecast, status=status)


def forecast(
    checkpoint: Checkpoint | str | os.PathLike[str],
    source: DataSource,
    date: str | datetime | np.datetime64,
    lead_time: str | timedelta | np.timedelta64 = LEAD_TIME,
    *,
    members: int = 1,
    device: str | torch.device = "cpu",
    model: ForecastModel | None = None,
    trust_code: bool = False,
    allow_different_versions: bool = False,
) -> Forecast:
    """Forecast the states after ``date``, up to ``lead_time``.

    Everything is checked before this returns; each state is computed when it is asked for.

    Parameters
    ----------
    checkpoint
        A checkpoint, or the path of one.
    source
        Where the initial states are read, in the units of the training data.
    date
        The time to start from, UTC.
    lead_time
        How far: ``"72h"``, ``"10d"``; ten days, the usual medium range, if it is not given.
    members
        How many ensemble members.
    device
        Where to compute: ``"cpu"``, ``"cuda"``.
    model
        The checkpoint's model where it is built already, for many forecasts; built anew if None.
    trust_code, allow_different_versions
        See :func:`anemoi.core.checkpoint.build_model`.

    Returns
    -------
    Forecast
        Iterate over it for the states.

    Raises
    ------
    AnemoiError
        If the checkpoint, its plugins, the source, the date or the lead time will not do.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load(checkpoint)
    start, leads = parse_date(date), lead_times(checkpoint, lead_time)
    if model is None:
        model = build_model(
            checkpoint, trust_code=trust_code, allow_different_versions=allow_different_versions
        )
    fields = initial_states(checkpoint, source, start, input_steps=model.input_steps, members=members)
    return Forecast(
        description=describe(checkpoint, source, start, leads, members),
        model=model.to(device).eval(),
        frequency=checkpoint.frequency,
        initial=torch.from_numpy(fields).to(device),
    )


def describe(
    checkpoint: Checkpoint,
    source: DataSource,
    start: np.datetime64,
    leads: NDArray[np.timedelta64],
    members: int,
) -> ForecastDescription:
    """Say what is known of a forecast before its first state."""
    return ForecastDescription(
        start=start,
        lead_times=leads,
        members=members,
        variables=checkpoint.variables,
        grid=checkpoint.grid,
        units=checkpoint.units,
        provenance=provenance(
            kind="forecast",
            identity=str(uuid.uuid4()),  # its contents are not known yet, so they cannot name it
            start=format_date(start),
            parents=[
                checkpoint.as_parent(),
                {**source.provenance, "kind": "dataset"},
            ],
        ),
        frequency=checkpoint.frequency,
    )
