"""The inputs of each step of a forecast: from sources, constants, computed forcings, and the steps before."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..domain import Domain
from ..errors import DataError
from ..forcings import Forcings
from ..interfaces.data_source import DataSource
from ..interfaces.model import Fields
from ..model import ForecastModel
from ..steps import Offset
from ..times import format_date
from .members import too_few
from .plausible import check_usual

_NOW = np.timedelta64(0, "s")


class Inputs:
    """What the model is given, step after step, of all domains.

    Parameters
    ----------
    model
        On the device that computes.
    sources
        Where the states of each domain are read.
    start
        The time that the forecast starts from.
    members
        How many ensemble members.
    persist
        Forcings that keep the value that they have at the start.
    allow_unusual
        Variables that need not resemble those of the training.
    device
        Where the fields go.
    """

    def __init__(
        self,
        model: ForecastModel,
        sources: Mapping[str, DataSource],
        start: np.datetime64,
        *,
        members: int,
        persist: Collection[str] = (),
        allow_unusual: Collection[str] = (),
        device: torch.device | str = "cpu",
    ) -> None:
        self._domains = {
            name: _DomainInputs(
                model,
                name,
                sources[name],
                start,
                members,
                frozenset(persist),
                frozenset(allow_unusual),
                device,
            )
            for name in model.domains
        }
        self.device = torch.device(device)

    def of(self, step: int) -> dict[str, Tensor]:
        """The inputs of one step, ``(1, time in, members, grid, inputs)`` by domain, normalised.

        Raises
        ------
        DataError
            If a source does not hold what is needed, it is not finite, or does not resemble the training.
        """
        return {name: domain.of(step) for name, domain in self._domains.items()}

    def begin_with(self, member: int, inputs: Fields) -> None:
        """Let one member begin with the prognostic variables of other inputs of the first step.

        Parameters
        ----------
        member
            Which, from zero.
        inputs
            ``(1, time in, 1, grid, inputs)`` by domain, normalised.
        """
        for name, values in inputs.items():
            self._domains[name].begin_with(member, values)

    def add(self, step: int, outputs: Fields) -> None:
        """Take the outputs of one step, ``(1, time out, members, grid, outputs)`` by domain, normalised."""
        for name, domain in self._domains.items():
            domain.add(step, outputs.get(name))


class _DomainInputs:
    """The inputs of one domain."""

    def __init__(
        self,
        model: ForecastModel,
        name: str,
        source: DataSource,
        start: np.datetime64,
        members: int,
        persist: frozenset[str],
        allow_unusual: frozenset[str],
        device: torch.device | str,
    ) -> None:
        self._model, self._name, self._source, self._start = model, name, source, start
        self._members, self._persist, self._device = members, persist, device
        self._allow_unusual = allow_unusual
        self._steps = model.steps[name]
        self._data, self._normalised = model.domains[name], model.normalised[name]
        self._made: dict[Offset, Tensor] = {}  # (members, grid, outputs) each
        self._known: dict[Offset, Tensor] = {}  # (members, grid, inputs) each
        moving = [each for each in self._data.forcings if each not in self._data.fixed]
        computed = tuple(each for each in self._data.forcings if self._data[each].computed)
        self._moving, self._computed = tuple(moving), computed
        grid = self._data.grid
        self._forcings = Forcings(computed, grid.latitudes, grid.longitudes)
        self._constants = self._constant_fields()

    def of(self, step: int) -> Tensor:
        """``(1, time in, members, grid, inputs)``."""
        times = self._times(step, self._steps.inputs)
        for time in times:
            if time not in self._known:
                self._known[time] = self._state(time)
        return torch.stack([self._known[time] for time in times])[None]

    def begin_with(self, member: int, inputs: Tensor) -> None:
        """Let one member begin with other values of what is prognostic, ``(1, time in, 1, grid, inputs)``."""
        self.of(0)
        names = self._normalised.prognostic
        if not names:
            return
        columns = _columns(self._normalised.inputs, names)
        for time, state in zip(self._times(0, self._steps.inputs), inputs[0, :, 0], strict=True):
            self._known[time][member, :, columns] = state[:, columns].to(self._known[time])

    def add(self, step: int, outputs: Tensor | None) -> None:
        """Take the outputs of one step, ``(1, time out, members, grid, outputs)``; forget older states."""
        if outputs is not None:
            for time, state in zip(self._times(step, self._steps.outputs), outputs[0], strict=True):
                self._made[time] = state
                self._known.pop(time, None)  # what was read of it, if it was, is forecast now
        oldest, *_ = self._times(step + 1, self._steps.inputs)
        for kept in (self._known, self._made):
            for time in [time for time in kept if time < oldest]:
                del kept[time]

    def _times(self, step: int, offsets: tuple[Offset, ...]) -> tuple[Offset, ...]:
        """When the states of one step lie, relative to the start."""
        return tuple(step * self._steps.step + offset for offset in offsets)

    def _state(self, offset: Offset) -> Tensor:
        """The state at one time, ``(members, grid, inputs)``."""
        domain = self._normalised
        size = (self._members, len(domain.grid), len(domain.inputs))
        state = torch.empty(size, dtype=torch.float32, device=self._device)
        if offset in self._made and domain.prognostic:
            made = self._made[offset][..., _columns(domain.outputs, domain.prognostic)]
            state[..., _columns(domain.inputs, domain.prognostic)] = made
        if self._constants is not None:
            self._put(state, *self._constants)
        if self._computed:
            values = self._forcings.at(np.array([self._start + offset]))  # (1, grid, forcing)
            self._put(state, self._computed, torch.from_numpy(values).to(self._device))
        prognostic = () if offset in self._made else self._data.prognostic
        persisted = tuple(name for name in self._moving if name in self._persist)
        others = tuple(name for name in self._moving if name not in self._persist)
        self._read(state, (*prognostic, *others), offset)
        self._read(state, persisted, min(offset, _NOW))
        return state

    def _read(self, state: Tensor, names: tuple[str, ...], offset: Offset) -> None:
        if names:
            time = self._start + offset
            values = read(self._source, self._data, names, time, self._members)
            check_usual(values, self._data, names, time, self._allow_unusual)
            self._put(state, names, torch.from_numpy(values).to(self._device))

    def _put(self, state: Tensor, names: tuple[str, ...], values: Tensor) -> None:
        """Normalise some variables, ``(members, grid, names)``, and put them where they belong."""
        chain = self._model.chain(self._name)
        state[..., _columns(self._normalised.inputs, chain.renamed(names))] = chain(values, names)

    def _constant_fields(self) -> tuple[tuple[str, ...], Tensor] | None:
        names = tuple(name for name in self._data.fixed if not self._data[name].computed)
        if not names:
            return None
        fields = [
            self._data.constants[name]
            if name in self._data.constants
            else read(self._source, self._data, (name,), self._start, 1)[0, :, 0]
            for name in names
        ]
        return names, torch.from_numpy(np.stack(fields, axis=-1)).to(self._device)


def _columns(among: tuple[str, ...], names: tuple[str, ...]) -> slice | list[int]:
    """The places of names among others; a slice, which costs no copy, where they are neighbours."""
    first = among.index(names[0])
    if among[first : first + len(names)] == names:
        return slice(first, first + len(names))
    return [among.index(name) for name in names]


def read(
    source: DataSource, domain: Domain, names: tuple[str, ...], time: np.datetime64, members: int
) -> NDArray[np.float32]:
    """Read some variables at one time, ``(members, grid, names)``.

    A source of one member is given to each of ``members``; of a source of more, the first are taken.

    Raises
    ------
    DataError
        If the source does not hold them, has too few members, or has values that are not finite where the
        domain has no missing ones.
    """
    columns = [source.variables.index(name) for name in names]
    fields = source.read([time])[0][..., columns]  # (ensemble, grid, names)
    if fields.shape[0] not in (1, *range(members, fields.shape[0] + 1)):
        raise too_few(fields.shape[0], members)
    _check_finite(fields, domain, names, time)
    shape = (members, *fields.shape[1:])
    return np.array(np.broadcast_to(fields[:members], shape), dtype=np.float32, order="C")


def _check_finite(
    fields: NDArray[np.float32], domain: Domain, names: tuple[str, ...], time: np.datetime64
) -> None:
    if np.isfinite(fields).all():
        return
    bad = []
    for column, name in enumerate(names):
        values = fields[..., column]
        wrong = np.isinf(values) if domain[name].may_be_missing else ~np.isfinite(values)
        if wrong.any():
            bad.append(f"{name} ({int(wrong.sum())} of {values.size})")
    if bad:
        raise DataError(
            f"The state at {format_date(time)} holds values that are not finite: {', '.join(bad)}.",
            fix="Start from another date, or mend the data.",
        )
