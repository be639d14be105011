"""A tiny plugin, installed as metadata and a module on the path, and a checkpoint of a model made of it."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from anemoi.core import forcings
from anemoi.core.checkpoint import Checkpoint, build_model, lock
from anemoi.core.config import build
from anemoi.core.domain import Domain, Statistics
from anemoi.core.graph import Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.model import assemble
from anemoi.core.variable import Role, Variable

PLUGIN = Path(__file__).parent / "tiny" / "anemoi_plugin_tiny.py"

ENTRY_POINTS = """
[anemoi.core.mappers]
tiny = anemoi_plugin_tiny:TinyMapper
[anemoi.core.processors]
tiny = anemoi_plugin_tiny:TinyProcessor
tiny-conditioned = anemoi_plugin_tiny:ConditionedProcessor
[anemoi.core.models]
tiny-shared = anemoi_plugin_tiny:TinyShared
[anemoi.core.sources]
tiny = anemoi_plugin_tiny:TinySource
[anemoi.core.outputs]
npz = anemoi_plugin_tiny:TinyOutput
raw = anemoi_plugin_tiny:RawOutput
[anemoi.core.objectives]
noisy = anemoi_plugin_tiny:Noisy
[anemoi.core.perturbations]
shifted = anemoi_plugin_tiny:Shifted
[anemoi.core.postprocessors]
total = anemoi_plugin_tiny:Total
scaled = anemoi_plugin_tiny:Scaled
fatal = anemoi_plugin_tiny:Fatal
"""


@pytest.fixture(scope="session")
def tiny_site(tmp_path_factory):
    """A directory that holds the plugin as pip would have installed it."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(PLUGIN, site)
    info = site / "anemoi_plugin_tiny-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: anemoi-plugin-tiny\nVersion: 0.1.0\n"
        "Requires-Dist: anemoi-core<1,>=0.1\n"
    )
    (info / "entry_points.txt").write_text(textwrap.dedent(ENTRY_POINTS))
    return site


@pytest.fixture
def tiny_plugin(tiny_site, monkeypatch):
    monkeypatch.syspath_prepend(str(tiny_site))
    return tiny_site


MODEL = {
    "name": "encoder-processor-decoder",
    "channels": 3,
    "encoder": {"name": "tiny"},
    "processor": {"name": "tiny"},
    "decoder": {"name": "tiny", "gain": 0.5},
}
CHAIN = {"normaliser": {"name": "normaliser"}}


@pytest.fixture(scope="session")
def configuration():
    return {
        "data": {"name": "tiny"},
        "model": MODEL,
        "objective": {"name": "rollout"},
        "transforms": CHAIN,
        "forcings": ["cos_latitude", "insolation", "sin_julian_day"],
        "training": {"seed": 1},
    }


def edges(source, target):
    source, target = torch.tensor(source), torch.tensor(target)
    return Edges.sorted(source, target, torch.rand(len(source), 1), ("length",))


def graph_of(domains):
    """Two hidden nodes, and each point of each domain joined to one of them."""
    nodes = {"hidden": Nodes(torch.tensor([30.0, -30.0]), torch.tensor([10.0, 190.0]))}
    joined = {("hidden", "hidden"): edges([0, 1], [1, 0])}
    for name, domain in domains.items():
        nodes[name] = Nodes(torch.tensor(domain.grid.latitudes), torch.tensor(domain.grid.longitudes))
        points = list(range(len(domain.grid)))
        nearest = [2 * point // len(points) for point in points]
        joined[name, "hidden"] = edges(points, nearest)
        joined["hidden", name] = edges(nearest, points)
    return Graph(nodes, joined)


def domain_of(*variables, points=4, hours=6, mean=0.1, stdev=0.7, change=0.3, **about):
    """A domain on the grid of the tiny source; a variable may be no more than its name."""
    variables = tuple(each if isinstance(each, Variable) else Variable(each) for each in variables)
    computed = np.array([each.computed for each in variables])

    def column(value, of_computed):
        return np.where(computed, of_computed, np.broadcast_to(value, len(variables))).astype(float)

    return Domain(
        variables=variables,
        grid=Grid(np.linspace(60.0, -60.0, points), np.linspace(0.0, 270.0, points)),
        frequency=np.timedelta64(hours, "h"),
        statistics=Statistics(column(mean, 0), column(stdev, 1), column(-3, -1), column(3, 1)),
        changes=Statistics(*(column(value, np.nan) for value in (0.0, change, -1.0, 1.0))),
        **about,
    )


def checkpoint_of(domains, configuration, *, seed=7, **about):
    """A checkpoint of an untrained model; its steps are those that the objective makes of its domains."""
    if isinstance(domains, Domain):
        domains = {"data": domains}
    objective = build("objective", configuration["objective"])
    steps = objective.steps({name: domain.frequency for name, domain in domains.items()})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        graph = graph_of(domains)
        model = assemble(configuration, domains=domains, steps=steps, graph=graph, objective=objective)
    return Checkpoint(
        **{
            "weights": model.state_dict(),
            "graph": graph,
            "domains": domains,
            "steps": steps,
            "configuration": configuration,
            "overrides": (),
            "lock": lock(configuration),
            "provenance": {},
            **about,
        }
    )


def by_hand(checkpoint, sources, start, count, persist=()):
    """A forecast in units of the data, variable by variable: ``(grid, outputs)`` by domain and hours.

    Of transforms there may be what fills in means, what normalises, and zero as a bound.
    """
    model, hour = build_model(checkpoint).eval(), np.timedelta64(3600, "s")
    bounded = checkpoint.configuration["transforms"].get("bounding", {}).get("relu", ())
    found = {}

    def value(name, variable, hours):
        domain, time = checkpoint.domains[name], start + hours * hour
        if domain[variable].computed:
            return forcings.compute([variable], domain.grid.latitudes, domain.grid.longitudes, [time])[
                0, :, 0
            ]
        if variable in domain.constants:
            return domain.constants[variable]
        if variable in domain.prognostic and (name, hours) in found:
            return found[name, hours][:, domain.outputs.index(variable)]
        time = min(time, start) if variable in persist else time
        return sources[name].read([time])[0, 0, :, sources[name].variables.index(variable)]

    def scaling(name, variable):
        domain = checkpoint.domains[name]
        place = domain.names.index(variable)
        return np.float32(domain.statistics.mean[place]), np.float32(domain.statistics.stdev[place])

    for number in range(count):
        inputs = {}
        for name, domain in checkpoint.domains.items():
            steps, states = checkpoint.steps[name], []
            for offset in steps.inputs:
                hours = int((number * steps.step + offset) / hour)
                columns = []
                for variable in domain.inputs:
                    mean, stdev = scaling(name, variable)
                    columns.append(np.nan_to_num((value(name, variable, hours) - mean) / stdev))
                states.append(np.stack(columns, axis=-1))
            inputs[name] = torch.tensor(np.stack(states)[None, :, None], dtype=torch.float32)
        with torch.no_grad():
            outputs = model(inputs)
        for name, values in outputs.items():
            domain, steps = checkpoint.domains[name], checkpoint.steps[name]
            for offset, state in zip(steps.outputs, values[0, :, 0].numpy(), strict=True):
                columns = []
                for column, variable in enumerate(domain.outputs):
                    mean, stdev = scaling(name, variable)
                    column = state[:, column] * stdev + mean
                    column = np.maximum(column, 0) if variable in bounded else column
                    columns.append(np.where(domain.missing.get(variable, False), np.nan, column))
                found[name, int((number * steps.step + offset) / hour)] = np.stack(columns, axis=-1)
    return found


@pytest.fixture(scope="session")
def untrained(tiny_site, configuration):
    """A checkpoint of an untrained model."""
    forcings = [
        Variable(name, Role.FORCING, computed=True, constant=name == "cos_latitude")
        for name in configuration["forcings"]
    ]
    domain = domain_of(
        # In another order than the source's, so that a mix-up shows.
        *(Variable("t", units="K"), Variable("ps", units="Pa"), *forcings),
        mean=[0.1, -0.2, 0, 0, 0],
        stdev=[0.7, 1.3, 0, 0, 0],
        change=[0.3, 0.4, 0, 0, 0],
    )
    domain = dataclasses.replace(domain, grid=dataclasses.replace(domain.grid, field_shape=(2, 2)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(tiny_site))
        return checkpoint_of(
            domain,
            configuration,
            overrides=("training.seed=1",),
            provenance={
                "parents": [{"kind": "dataset", "identity": "tiny-data"}],
                "created": "2026-01-01T00:00:00+00:00",
                "command": "anemoi train training.seed=1",
                "training_period": {"start": "2020-01-01T00", "end": "2020-01-03T00"},
                "versions": {"python": "3.11.0", "anemoi-core": "0.1.0"},
            },
        )


@pytest.fixture
def tiny(tiny_plugin):
    """What makes other domains and checkpoints of the same parts, and the plugin's components."""
    from anemoi.core import plugins

    def checkpoint(domains, *, model=None, objective=None, transforms=None, **about):
        configuration = {
            "data": {"name": "tiny"},
            "model": model if model and "name" in model else {**MODEL, **(model or {})},
            "objective": objective or {"name": "rollout"},
            "transforms": CHAIN if transforms is None else transforms,
            "domains": about.pop("sections", {}),
        }
        return checkpoint_of(domains, configuration, **about)

    return SimpleNamespace(
        domain=domain_of,
        graph=graph_of,
        model=MODEL,
        checkpoint=checkpoint,
        by_hand=by_hand,
        source=plugins.load("source", "tiny"),
        output=plugins.load("output", "npz"),
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

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(tiny_site))
        return build_model(untrained), plugins.load("output", "npz"), plugins.load("source", "tiny")
