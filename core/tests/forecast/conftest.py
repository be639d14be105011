"""A tiny plugin, installed as metadata and a module on the path, and a checkpoint of a model made of it."""

from __future__ import annotations

import dataclasses
import functools
import textwrap

import numpy as np
import pytest
import torch

PLUGIN = '''
from __future__ import annotations

import json
import os

import numpy as np
import torch
from torch import nn

from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.output import Output
from anemoi.core.interfaces.processor import Processor


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
            source=source, target=target, edges=edges, source_channels=source_channels,
            target_channels=target_channels, channels=channels, out_channels=out_channels,
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


class TinySource(DataSource):
    """Smooth fields on four points, six-hourly through the first days of 2020."""

    def __init__(
        self,
        *,
        names: list[str] = ["ps", "t"],
        hours: int = 6,
        points: int = 4,
        nan: bool = False,
        gap: bool = False,
        ensemble: int = 1,
        unit_of_t: str = "K",
    ):
        self.names, self.hours, self.points, self.nan, self.gap, self.ensemble = (
            names, hours, points, nan, gap, ensemble
        )
        self.unit_of_t = unit_of_t

    @property
    def variables(self):
        return tuple(self.names)

    @property
    def times(self):
        start = np.datetime64("2020-01-01T00", "s")
        return start + np.arange(20) * np.timedelta64(self.hours * 3600, "s")

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
        return fields


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
'''

ENTRY_POINTS = """
[anemoi.core.mappers]
tiny = anemoi_plugin_tiny:TinyMapper
[anemoi.core.processors]
tiny = anemoi_plugin_tiny:TinyProcessor
[anemoi.core.sources]
tiny = anemoi_plugin_tiny:TinySource
[anemoi.core.outputs]
npz = anemoi_plugin_tiny:TinyOutput
"""


@pytest.fixture(scope="session")
def tiny_site(tmp_path_factory):
    """A directory that holds the plugin as pip would have installed it."""
    site = tmp_path_factory.mktemp("site")
    (site / "anemoi_plugin_tiny.py").write_text(PLUGIN)
    info = site / "anemoi_plugin_tiny-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: anemoi-plugin-tiny\nVersion: 0.1.0\n"
        "Requires-Dist: anemoi-core<0.2,>=0.1\n"
    )
    (info / "entry_points.txt").write_text(textwrap.dedent(ENTRY_POINTS))
    return site


@pytest.fixture
def tiny_plugin(tiny_site, monkeypatch):
    monkeypatch.syspath_prepend(str(tiny_site))
    return tiny_site


@pytest.fixture(scope="session")
def configuration():
    return {
        "data": {"name": "tiny"},
        "model": {
            "channels": 3,
            "encoder": {"name": "tiny"},
            "processor": {"name": "tiny"},
            "decoder": {"name": "tiny", "gain": 0.5},
        },
        "forcings": ["cos_latitude", "insolation", "sin_julian_day"],
        "training": {"seed": 1},
    }


@pytest.fixture(scope="session")
def untrained(tiny_site, configuration):
    """A checkpoint of an untrained model."""
    from anemoi.core.checkpoint import Checkpoint, lock
    from anemoi.core.graph import Edges, Graph, Nodes
    from anemoi.core.grid import Grid
    from anemoi.core.model import ModelStatistics, assemble

    latitudes, longitudes = np.linspace(60.0, -60.0, 4), np.linspace(0.0, 270.0, 4)
    data = Nodes(torch.tensor(latitudes), torch.tensor(longitudes))
    hidden = Nodes(torch.tensor([30.0, -30.0]), torch.tensor([10.0, 190.0]))
    statistics = ModelStatistics(
        torch.tensor([0.1, -0.2]), torch.tensor([0.7, 1.3]), torch.tensor([0.3, 0.4])
    )
    # In another order than the source's, so that a mix-up shows.
    variables = ("t", "ps")

    def edges(source, target):
        source, target = torch.tensor(source), torch.tensor(target)
        return Edges.sorted(source, target, torch.rand(len(source), 1), ("length",))

    with torch.random.fork_rng(), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(tiny_site))
        torch.manual_seed(7)
        graph = Graph(
            {"data": data, "hidden": hidden},
            {
                ("data", "hidden"): edges([0, 1, 2, 3], [0, 0, 1, 1]),
                ("hidden", "hidden"): edges([0, 1], [1, 0]),
                ("hidden", "data"): edges([0, 0, 1, 1], [0, 1, 2, 3]),
            },
        )
        model = assemble(configuration, graph=graph, variables=variables, statistics=statistics)
        entries = lock(configuration)
    return Checkpoint(
        weights=model.state_dict(),
        graph=graph,
        grid=Grid(latitudes, longitudes, (2, 2)),
        statistics=statistics,
        variables=variables,
        units={"t": "K", "ps": "Pa"},
        frequency=np.timedelta64(6, "h"),
        configuration=configuration,
        overrides=("training.seed=1",),
        lock=entries,
        provenance={
            "parents": [{"kind": "dataset", "identity": "tiny-data"}],
            "created": "2026-01-01T00:00:00+00:00",
            "command": "anemoi train training.seed=1",
            "training_period": {"start": "2020-01-01T00", "end": "2020-01-03T00"},
            "versions": {"python": "3.11.0", "anemoi-core": "0.1.0"},
        },
    )


@pytest.fixture
def make_checkpoint(tiny_plugin, untrained):
    """Give that checkpoint; keyword arguments replace fields of it."""
    return functools.partial(dataclasses.replace, untrained)


@pytest.fixture
def checkpoint_file(make_checkpoint, tmp_path):
    from anemoi.core.checkpoint import save

    path = tmp_path / "model.safetensors"
    save(path, make_checkpoint())
    return path


@pytest.fixture(scope="session")
def built(tiny_site, untrained):
    """Its model and what builds its output, both found once: to find plugins takes its time."""
    from anemoi.core import plugins
    from anemoi.core.checkpoint import build_model

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(tiny_site))
        return build_model(untrained), plugins.load("output", "npz"), plugins.load("source", "tiny")
