"""An atmosphere every six hours and an ocean once a day, each trained for two steps by itself."""

from __future__ import annotations

import pytest
from anemoi.core import config
from anemoi.core.checkpoint import load
from anemoi_plugin_training import train

SHORT = (
    "training.steps=2", "training.rollout_steps=0", "training.warmup_steps=1", "training.device=cpu",
    "graph.refinement=0", "model.channels=8", "model.encoder.num_heads=1", "model.decoder.num_heads=1",
    "model.processor.num_layers=1", "model.processor.num_heads=1",
)  # fmt: skip
OWN = {"atmosphere": (), "ocean": ("data.frequency=24h",)}
"""By component; a joint model of both besides, in which the atmosphere has the sea given."""
JOINT = (
    "+experiment=earth-system", "~domains.atmosphere.variables.drop",
    "+domains.atmosphere.variables.forcing=[sst,ci]",
)  # fmt: skip


@pytest.fixture(scope="session")
def paths(tmp_path_factory):
    """The checkpoints, by component."""
    runs = tmp_path_factory.mktemp("runs")
    return {
        name: train(f"+experiment=earth-system-{name}", *own, *SHORT, output=runs / name)
        for name, own in OWN.items()
    }


@pytest.fixture(scope="session")
def checkpoints(paths):
    return {name: load(path) for name, path in paths.items()}


@pytest.fixture(scope="session")
def joint(tmp_path_factory):
    """The checkpoint of two domains."""
    return load(train(*JOINT, *SHORT, output=tmp_path_factory.mktemp("joint") / "run"))


@pytest.fixture(scope="session")
def sources():
    """What each starts from; that of the ocean has nothing of the atmosphere."""
    ocean = {"name": "subset", "source": {"name": "sample-earth-ocean"}, "frequency": "24h"}
    specs = {"atmosphere": {"name": "sample-earth"}, "ocean": ocean}
    return {name: config.build("source", spec) for name, spec in specs.items()}
