"""The training period as samples: the states that some steps of a forecast take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError
from anemoi.core.forcings import Forcings
from anemoi.core.model import ForecastModel, Sample
from anemoi.core.steps import Steps
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .domains import Data
from .reading import read_patiently


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples as they were read, by domain.

    Parameters
    ----------
    states
        ``(batch, time, ensemble, grid, variable)``, of those variables that are read, in memory as the source
        gave them.
    forcings
        ``(batch, time, grid, forcing)``, the computed ones.
    starts
        When the first step of each sample begins, ``(batch,)``.
    """

    states: Mapping[str, Tensor]
    forcings: Mapping[str, Tensor]
    starts: NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Batch]):
    """Every time in the training period from which ``count`` steps of a forecast have all their states.

    Parameters
    ----------
    data
        The domains and where they are read.
    steps
        When the states of one step lie, by domain.
    count
        How many steps of a forecast a sample has.
    starts
        When the first step of each sample begins, ``(samples,)``.
    """

    data: Mapping[str, Data]
    steps: Mapping[str, Steps]
    count: int
    starts: NDArray[np.datetime64]
    _forcings: dict[str, Forcings] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def within(cls, data: Mapping[str, Data], steps: Mapping[str, Steps], *, count: int) -> Samples:
        """Find every sample of ``count`` steps.

        Raises
        ------
        DataError
            If there is none.
        """
        candidates = np.unique(np.concatenate([each.times for each in data.values()]))
        for name, each in data.items():
            there = np.array([time for time in each.times if time not in each.source.missing])
            for offset in steps[name].window(count):
                candidates = candidates[np.isin(candidates + offset, there)]
        if not len(candidates):
            states = max(len(steps[name].window(count)) for name in data)
            times = max(len(each.times) for each in data.values())
            raise DataError(
                f"The training period has {times} times, but no {states} consecutive ones with data.",
                fix="Choose a longer period (dates.start, dates.end) or a shorter training.rollout.",
            )
        return cls(data, steps, count, candidates)

    def described(self, domains: Mapping[str, Domain]) -> Samples:
        """The same samples of domains of which more is known."""
        data = {name: replace(each, domain=domains[name]) for name, each in self.data.items()}
        return Samples(data, self.steps, self.count, self.starts)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        """Read the samples at ``positions`` as one batch, in order of time."""
        ordered = np.sort(np.asarray(positions))
        return self.batch(
            ordered, {name: self.read(name, times.ravel()) for name, times in self.times(ordered).items()}
        )

    def times(self, positions: NDArray[np.intp]) -> dict[str, NDArray[np.datetime64]]:
        """The times of the states of the samples at ``positions``, ``(batch, time)`` by domain."""
        return {
            name: self.starts[positions, None] + np.array(self.steps[name].window(self.count))
            for name in self.data
        }

    def read(self, name: str, times: NDArray[np.datetime64]) -> NDArray[np.float32]:
        """Read all variables of a domain at some times, ``(time, ensemble, grid, variable)``."""
        return read_patiently(self.data[name].source, times)

    def batch(self, positions: NDArray[np.intp], read: Mapping[str, NDArray[np.float32]]) -> Batch:
        """Make a batch of samples whose states have been read.

        Parameters
        ----------
        positions
            Of the samples, in order of time.
        read
            The states at :meth:`times`, ``(batch x time, ensemble, grid, variable)`` by domain.
        """
        states, forcings = {}, {}
        for name, times in self.times(positions).items():
            each, fields = self.data[name], torch.from_numpy(read[name])
            columns = [each.source.variables.index(variable) for variable in read_names(each)]
            if columns != list(range(fields.shape[-1])):
                fields = fields[..., columns]
            states[name] = fields.view(*times.shape, *fields.shape[1:])
            known = torch.from_numpy(self._computed(name, each).at(times.ravel()))
            forcings[name] = known.view(*times.shape, *known.shape[1:])
        return Batch(states, forcings, self.starts[positions])

    def _computed(self, name: str, each: Data) -> Forcings:
        if name not in self._forcings:
            grid = each.domain.grid
            self._forcings[name] = Forcings(computed_names(each), grid.latitudes, grid.longitudes)
        return self._forcings[name]


def read_names(data: Data) -> tuple[str, ...]:
    """The variables of a domain that are read for each sample: neither computed nor constant."""
    domain = data.domain
    return tuple(
        variable.name
        for variable in domain.variables
        if not variable.computed and variable.name not in domain.constants
    )


def computed_names(data: Data) -> tuple[str, ...]:
    """The computed forcings of a domain."""
    return tuple(variable.name for variable in data.domain.variables if variable.computed)


def normalised(model: ForecastModel, batch: Batch, samples: Samples, device: torch.device) -> Sample:
    """Bring a batch to the network's space on the device that trains.

    Fields keep the memory layout of the source until they are on that device, which reorders them fastest.
    """
    fields, missing = {}, {}
    for name, data in samples.data.items():
        read, computed = read_names(data), computed_names(data)
        states = batch.states[name].to(device)  # (batch, time, ensemble, grid, read)
        size = states.shape[:-1]
        absent = model.missing(name, states, read)
        parts = [(read, states)]
        if computed:
            known = batch.forcings[name].to(device)[:, :, None]
            parts.append((computed, known.expand(*size, -1)))
        if constants := tuple(data.domain.constants):
            values = np.stack([data.domain.constants[each] for each in constants], axis=-1)
            parts.append((constants, torch.from_numpy(values).to(device).expand(*size, -1)))
        names = tuple(each for some, _ in parts for each in some)
        ordered = model.chain(name).renamed(names)
        whole = torch.cat([model.normalise(name, values, some) for some, values in parts], dim=-1)
        place = {each: number for number, each in enumerate(ordered)}
        order = [place[each] for each in model.normalised[name].names]
        in_order = order == list(range(len(order)))
        fields[name] = whole if in_order else whole[..., order]
        if absent is not None:
            filler = absent.new_zeros((*size, whole.shape[-1] - absent.shape[-1]))
            marked = torch.cat([absent, filler], dim=-1)
            missing[name] = marked if in_order else marked[..., order]
    return Sample(fields, missing, model.normalised, samples.steps, samples.count)
