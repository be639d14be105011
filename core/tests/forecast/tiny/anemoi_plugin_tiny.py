"""The components of a tiny plugin, which the tests install as metadata and a module on the path."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import nn

from anemoi.core.config import Builder, Component
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Capability, Perturbation
from anemoi.core.interfaces.data_source import DataSource, Statistics
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.model import Model
from anemoi.core.interfaces.output import Output
from anemoi.core.interfaces.postprocessor import PostProcessor
from anemoi.core.interfaces.processor import Processor
from anemoi.core.objectives import Rollout
from anemoi.core.outputs import FileOutput


class TinyMapper(Mapper):
    def __init__(
        self,
        *,
        source,
        target,
        edges,
        source_channels,
        target_channels,
        channels,
        out_channels,
        gain: float = 1.0,
    ):
        super().__init__(
            source=source,
            target=target,
            edges=edges,
            source_channels=source_channels,
            target_channels=target_channels,
            channels=channels,
            out_channels=out_channels,
        )
        self.gain = gain
        for end in ("source", "target"):  # buffers go where the model goes
            self.register_buffer(f"edge_{end}", getattr(edges, end), persistent=False)
        self.from_source = nn.Linear(source_channels, out_channels)
        self.from_target = nn.Linear(target_channels, out_channels)

    def forward(self, source, target, condition=None):
        out = self.gain * self.from_target(target)
        return out.index_add(1, self.edge_target, self.from_source(source)[:, self.edge_source])


class TinyProcessor(Processor):
    def __init__(self, *, nodes, edges, channels):
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        self.inner = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(0.5)  # of which a forecast must know nothing

    def forward(self, x, condition=None):
        return x + self.dropout(torch.tanh(self.inner(x)))


class ConditionedProcessor(TinyProcessor):
    capabilities = frozenset({Capability.CONDITION})

    def __init__(self, *, nodes, edges, channels, condition_channels: int = 0):
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        self.shift = nn.Linear(condition_channels, channels) if condition_channels else None

    def forward(self, x, condition=None):
        shift = 0 if self.shift is None else self.shift(condition)[:, None]
        return super().forward(x + shift)


class TinyShared(Model):
    """Two networks, and no outputs of its own."""

    def __init__(
        self, *, domains, graph, steps, condition_channels=0, network: Annotated[Builder, Component("model")]
    ):
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        self.both = nn.ModuleList(network(domains=domains, graph=graph, steps=steps) for _ in range(2))

    @property
    def networks(self):
        return tuple(self.both)

    def forward(self, fields, condition=None):
        raise AssertionError("asked for outputs")


class Noisy(Rollout):
    """A rollout that gives noise to each member, as a condition where ``channels`` are asked for."""

    stochastic = True

    def __init__(self, *, amplitude: float = 0.1, channels: int = 0):
        super().__init__()
        self.amplitude, self.channels = amplitude, channels

    @property
    def condition_channels(self):
        return self.channels

    def advance(self, model, inputs, generator):
        first = next(iter(inputs.values()))
        if self.channels:
            shape = (first.shape[0], first.shape[2], self.channels)
            return model(inputs, torch.randn(shape, generator=generator, device=first.device))
        return {
            name: out + self.amplitude * torch.randn(out.shape, generator=generator, device=out.device)
            for name, out in model(inputs).items()
        }


class Shifted(Perturbation):
    """Adds random numbers; ``back`` steps before the start if asked, and forecasts from there.

    In ``pairs`` the second member has the numbers of the first, with the other sign.
    """

    def __init__(self, *, amplitude: float = 0.1, back: int = 0, pairs: bool = False):
        self.amplitude, self.back, self.pairs = amplitude, back, pairs

    def starts(self, step, members):
        return (-self.back * step,) if self.back else ()

    def perturbed(self, analysis, member, generator):
        inputs = analysis.at(analysis.start - self.back * analysis.step)
        for step in range(self.back):
            inputs.add(step, analysis.model.advance(inputs.of(step), generator))
        amplitude = self.amplitude
        if self.pairs and member % 2 == 0:
            amplitude, generator = -amplitude, analysis.numbers_of(member - 1)
        return {
            name: each + amplitude * torch.randn(each.shape, generator=generator)
            for name, each in inputs.of(self.back).items()
        }


class TinySource(DataSource):
    """Smooth fields on four points, six-hourly through the first days of 2020."""

    def __init__(
        self,
        *,
        names: Sequence[str] = ("ps", "t"),
        hours: int = 6,
        points: int = 4,
        nan: bool = False,
        gap: bool = False,
        ensemble: int = 1,
        unit_of_t: str = "K",
        undefined: Sequence[str] = (),
        count: int = 20,
    ):
        self.names, self.hours, self.points, self.nan, self.gap, self.ensemble = (
            names,
            hours,
            points,
            nan,
            gap,
            ensemble,
        )
        self.unit_of_t, self.undefined, self.count = unit_of_t, undefined, count

    @property
    def variables(self):
        return tuple(self.names)

    @property
    def times(self):
        start = np.datetime64("2020-01-01T00", "s")
        return start + np.arange(self.count) * np.timedelta64(self.hours * 3600, "s")

    @property
    def frequency(self):
        return np.timedelta64(self.hours * 3600, "s")

    @property
    def grid(self):
        return Grid(np.linspace(60.0, -60.0, self.points), np.linspace(0.0, 270.0, self.points))

    @property
    def statistics(self):
        one = np.ones(len(self.names))
        return Statistics(one * 0, one, -one, one)

    @property
    def missing(self):
        return frozenset([self.times[7]] if self.gap else [])

    @property
    def provenance(self):
        return {"identity": "tiny-data", "licence": "none"}

    @property
    def units(self):
        return {"t": self.unit_of_t}

    def read(self, times):
        seconds = np.asarray(times).astype("datetime64[s]").astype(np.int64)
        phase = (seconds % 864000) / 86400.0
        columns = np.array([sum(map(ord, name)) for name in self.names])
        fields = np.sin(
            phase[:, None, None, None]
            + np.arange(self.ensemble)[:, None, None]
            + np.arange(self.points)[:, None]
            + columns
        ).astype(np.float32)
        if self.nan:
            fields[-1, 0, 2, 1] = np.nan
        for name in self.undefined:  # over the land, which is the first half of the points
            fields[:, :, : self.points // 2, self.names.index(name)] = np.nan
        return fields


class Total(PostProcessor):
    """The sum of one variable since the start, and nothing else."""

    def __init__(self, *, forecast, variable: str):
        super().__init__(forecast=forecast)
        if variable not in forecast.variables:
            raise DataError(f"no {variable}")
        self.column = forecast.variables.index(variable)
        self.variable, self.total = forecast.about(variable), 0.0

    @property
    def after(self):
        return self.before.with_variables([replace(self.variable, since_start=True)])

    def apply(self, state):
        self.total = self.total + state.fields[..., [self.column]]
        return self.total


class Scaled(PostProcessor):
    def __init__(self, *, forecast, factor: float = 2.0):
        super().__init__(forecast=forecast)
        self.factor = factor

    def apply(self, state):
        return (state.fields * self.factor).astype(np.float32)


class Fatal(PostProcessor):
    """Kills its process, as a machine that fails would, unless a file says that it has."""

    def __init__(self, *, forecast, marker: str = "", hours: int = 12):
        super().__init__(forecast=forecast)
        self.marker, self.hours = marker, np.timedelta64(hours, "h")

    def apply(self, state):
        if state.lead_time == self.hours and not os.path.exists(self.marker):
            open(self.marker, "x").close()
            os.kill(os.getpid(), 9)
        return state.fields


class TinyOutput(Output):
    def __init__(self, *, path, forecast, overwrite=False, fail_after: int = 1000):
        if os.path.exists(path) and not overwrite:
            raise DataError(f"{path} exists already.", fix="--overwrite")
        self.path, self.forecast, self.fail_after, self.fields = path, forecast, fail_after, []

    def __enter__(self):
        self.fields = []
        return self

    def write(self, state):
        if len(self.fields) == self.fail_after:
            raise DataError("The disk is full.")
        self.fields.append(state.fields)

    def __exit__(self, kind, error, traceback):
        if kind is None:
            np.savez(
                self.path,
                fields=np.stack(self.fields),
                lead_times=self.forecast.lead_times,
                provenance=json.dumps(dict(self.forecast.provenance)),
            )


class RawOutput(FileOutput):
    """The numbers of each state, one after the other, with the contract of whole files."""

    def begin(self, path):
        self.file = path.open("xb")

    def add(self, state):
        self.file.write(state.fields.tobytes())
        self.file.flush()

    def finish(self):
        self.file.close()

    def abandon(self):
        self.file.close()
