"""The forecast itself: each state from the last ones, one after another."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoint import Checkpoint, build_model, load
from ..errors import DataError
from ..interfaces.data_source import DataSource
from ..interfaces.output import ForecastDescription, State
from ..interfaces.perturbation import Perturbation
from ..model import ForecastModel
from ..plugins import hooks
from ..provenance import provenance
from ..times import format_date, parse_date, parse_duration
from .initial import LeadTimes, Sources, by_domain, check_sources, lead_times, step_count
from .inputs import Inputs
from .journal import ForecastJournal
from .members import MadeMembers, Seed, check_members, generator_of, model_of, seeds_of
from .packing import packed, unpacked
from .perturbing import check_earlier, initial_inputs
from .plausible import LIMIT, StepCheck, check_allowed

Precision = Literal["32", "bf16-mixed"]
"""In which a model computes: single precision, or bfloat16 where that suffices (autocast)."""

LEAD_TIME = "10d"
"""How far a forecast goes unless it is told: the medium range."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast that is ready to be made; iterating yields a :class:`State` for each time and domain.

    The events ``forecast_started``, ``forecast_step`` and ``forecast_finished`` are broadcast on the way.

    Parameters
    ----------
    descriptions
        What is to come of each domain that has outputs, for the output that takes it.
    model
        On the device that computes.
    inputs
        What the model is given.
    seeds
        Of each member, which decides its random numbers, and of several networks which makes it: it is the
        forecast that it would be alone.
    journal
        Where each step is kept, and read if it is there already; none if None.
    limit
        How far values may be from the range of the training: see :class:`.StepCheck`.
    precision
        In which the model computes; states are single precision in any case.
    made
        The outputs, where they were computed elsewhere; None if they are computed here.

    Raises
    ------
    ImplausibleError
        While iterating, instead of the first state with values that are not finite or beyond ``limit``.
    """

    descriptions: Mapping[str, ForecastDescription]
    model: ForecastModel
    inputs: Inputs
    seeds: tuple[Seed, ...] = ((0,),)
    journal: ForecastJournal | None = None
    limit: float = LIMIT
    precision: Precision = "32"
    made: MadeMembers | None = None

    @property
    def description(self) -> ForecastDescription:
        """What is to come, of the first domain."""
        return next(iter(self.descriptions.values()))

    def __iter__(self) -> Generator[State, None, None]:
        """Compute each state when it is asked for."""
        with announced(*self.descriptions.values()):
            yield from self.states()

    def states(self) -> Generator[State, None, None]:
        """Compute each state when it is asked for; who asks says that the forecast starts and ends."""
        events = hooks()
        for state in self.unannounced():
            yield state
            events.send("forecast_step", forecast=self.descriptions[state.domain], state=state)

    def unannounced(self) -> Iterator[State]:
        """Compute each state when it is asked for; no hook hears of it."""
        for number in range(self._count):
            outputs = self._step(number)
            self.inputs.add(number, outputs)
            for state in self._states_of(number, outputs):
                self._checks[state.domain].check(state, number + 1)
                yield state

    def compute(self) -> None:
        """Compute every step into the journal; no state is checked, and no hook hears of it."""
        for number in range(self._count):
            self.inputs.add(number, self._step(number))

    @property
    def _count(self) -> int:
        """How many steps there are."""
        last = max(described.lead_times[-1] for described in self.descriptions.values())
        step = next(iter(self.model.steps.values())).step
        return int(-(-last // step))

    @cached_property
    def _checks(self) -> dict[str, StepCheck]:
        return {name: StepCheck(self.model.domains[name], self.limit) for name in self.descriptions}

    def _step(self, number: int) -> dict[str, Tensor]:
        """The outputs of one step, ``(1, time out, ensemble, grid, outputs)``, computed or remembered."""
        if self.journal is None:
            return self._advance(number)
        if number == 0:
            self._check_initial(self.journal)
        if number + 1 < len(self.journal):
            return unpacked(
                self.journal.state(number + 1, (-1,)),
                self.model,
                self.description.members,
                self.inputs.device,
            )
        outputs = self._advance(number)
        self.journal.append(packed(outputs, self.model))
        return outputs

    @torch.inference_mode()
    def _advance(self, number: int) -> dict[str, Tensor]:
        if self.made is not None:
            return self.made.outputs(number)
        # One at a time, because sums over a larger batch are rounded otherwise, and memory is that of one.
        found: dict[str, Tensor] = {}
        for member in range(len(self.seeds)):
            for name, outputs in self._computed(number, member).items():
                if name not in found:
                    one, times, _, *cells = outputs.shape
                    found[name] = outputs.new_empty(one, times, len(self.seeds), *cells)
                found[name][:, :, member] = outputs[:, :, 0]
        return found

    @cached_property
    def _models(self) -> tuple[ForecastModel, ...]:
        """What makes each member."""
        return tuple(model_of(self.model, seed) for seed in self.seeds)

    def _computed(self, number: int, member: int) -> dict[str, Tensor]:
        """The outputs of one step of one member, in single precision."""
        inputs = self.inputs.of(number, member)
        device = next(iter(inputs.values())).device
        mixed = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16-mixed")
        generator = generator_of(self.seeds[member], self.description.start, number, device)
        with mixed:
            outputs = self._models[member].advance(inputs, generator)
        return {name: each.float() for name, each in outputs.items()}

    def _states_of(self, number: int, outputs: Mapping[str, Tensor]) -> Iterator[State]:
        """The states of one step that are wanted, in order of time."""
        with torch.inference_mode():
            fields = {
                name: self._denormalised(name, values[0])
                for name, values in outputs.items()
                if name in self.descriptions
            }
        found = []
        for name, values in fields.items():
            steps, described = self.model.steps[name], self.descriptions[name]
            for offset, field in zip(steps.outputs, values, strict=True):
                lead = number * steps.step + offset
                if lead <= described.lead_times[-1]:
                    found.append(State(described.start, lead, field, name))
        yield from sorted(found, key=lambda state: state.lead_time)

    def _denormalised(self, name: str, outputs: Tensor) -> NDArray[np.float32]:
        """The fields of outputs, ``(time out, members, grid, outputs)``, made one member at a time."""
        times, members, points, _ = outputs.shape
        found = np.empty((times, members, points, len(self.model.domains[name].outputs)), dtype=np.float32)
        for member in range(members):
            found[:, member] = self.model.denormalise(name, outputs[:, member]).cpu().numpy()
        return found

    def _check_initial(self, journal: ForecastJournal) -> None:
        """Begin the journal with the inputs that the forecast starts from, or check that they are those."""
        initial = packed(self.inputs.of(0) if self.made is None else self.made.inputs(), self.model)
        if not len(journal):
            journal.append(initial)
        elif not np.array_equal(journal.state(0, (-1,)), initial):
            raise DataError(
                f"The initial states differ from those in {journal.path}: the data have changed.",
                fix="Remove the journal to start anew.",
            )


@contextmanager
def announced(*forecasts: ForecastDescription) -> Iterator[None]:
    """Broadcast that a forecast starts, of each domain, and with the end of the context how it ended."""
    events = hooks()
    for forecast in forecasts:
        events.send("forecast_started", forecast=forecast)
    status = "failed"
    try:
        yield
        status = "finished"
    except (GeneratorExit, KeyboardInterrupt):
        status = "interrupted"
        raise
    finally:
        for forecast in forecasts:
            events.send("forecast_finished", forecast=forecast, status=status)


def forecast(
    checkpoint: Checkpoint | str | os.PathLike[str],
    source: DataSource | Sources,
    date: str | datetime | np.datetime64,
    lead_time: str | timedelta | np.timedelta64 = LEAD_TIME,
    *,
    members: int = 1,
    persist: Collection[str] = (),
    seed: int | Sequence[int] = 0,
    perturbation: Perturbation | None = None,
    limit: float = LIMIT,
    allow_unusual: Collection[str] = (),
    device: str | torch.device = "cpu",
    precision: Precision = "32",
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
        Where the initial states are read, and forcings at every step, in the units of the training data; of
        a checkpoint with several domains one for each, by name.
    date
        The time to start from, UTC.
    lead_time
        How far: ``"72h"``, ``"10d"``; ten days, the usual medium range, if it is not given.
    members
        How many ensemble members.
    persist
        Forcings that keep the value that they have at the start, instead of being read at every step.
    seed
        Of all random numbers; or one for each member.
    perturbation
        Gives each member but the first an initial state of its own; all begin with the source's if None.
    limit
        How far values may be from the range of the training, in multiples of it; infinity for any distance.
    allow_unusual
        Variables whose mean in the source may be over ten standard deviations from that of the training.
    device
        Where to compute: ``"cpu"``, ``"cuda"``.
    precision
        In which the model computes: single, or ``"bf16-mixed"``, bfloat16 where that suffices.
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
    ImplausibleError
        While iterating, instead of the first state with values that are not finite or beyond ``limit``.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load(checkpoint)
    start, leads, sources = (
        parse_date(date),
        lead_times(checkpoint, lead_time),
        by_domain(checkpoint, source),
    )
    if model is None:
        model = build_model(
            checkpoint, trust_code=trust_code, allow_different_versions=allow_different_versions
        )
    count = step_count(checkpoint, parse_duration(lead_time))
    seeds = seeds_of(seed, members)
    check_allowed(checkpoint.domains, allow_unusual)
    check_sources(checkpoint, sources, [start], count=count, persist=persist)
    check_earlier(checkpoint, sources, [start], perturbation, members, persist)
    model = model.to(device).eval()
    check_members(model, sources, start, seeds, perturbed=perturbation is not None)
    # What is wrong with the initial states shows before the first state is asked for.
    inputs = initial_inputs(
        model,
        sources,
        start,
        seeds,
        perturbation,
        persist=persist,
        allow_unusual=allow_unusual,
        device=device,
    )
    return Forecast(
        descriptions=describe(checkpoint, sources, start, leads, members),
        model=model,
        inputs=inputs,
        seeds=seeds,
        limit=limit,
        precision=precision,
    )


def describe(
    checkpoint: Checkpoint, sources: Sources, start: np.datetime64, leads: LeadTimes, members: int
) -> dict[str, ForecastDescription]:
    """Say what is known of a forecast before its first state, for each domain that has outputs."""
    made = provenance(
        kind="forecast",
        identity=str(uuid.uuid4()),  # its contents are not known yet, so they cannot name it
        start=format_date(start),
        parents=[
            checkpoint.as_parent(),
            *({**sources[name].provenance, "kind": "dataset"} for name in checkpoint.domains),
        ],
    )
    found = {}
    for name, lead in leads.items():
        domain = checkpoint.domains[name]
        found[name] = ForecastDescription(
            start=start,
            lead_times=lead,
            members=members,
            variables=domain.outputs,
            grid=domain.grid,
            units={each: units for each, units in domain.units.items() if each in domain.outputs},
            provenance=made,
            frequency=domain.frequency,
            domain=name,
            metadata={each: domain[each] for each in domain.outputs},
        )
    return found
