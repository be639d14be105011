from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.objectives import Rollout

from anemoi_plugin_training.domains import Data, domain_of
from anemoi_plugin_training.settings import DomainSettings, VariableSettings

from .memory import NORMALISED, Memory


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def random_source():
    def make(times=12, points=20, variables=2, members=1, missing=(), seed=0, **options):
        rng = np.random.default_rng(seed)
        offset, scale = np.array([1e5, -3.0])[:variables], np.array([800.0, 0.01])[:variables]
        walk = rng.normal(size=(times, members, points, variables)).cumsum(axis=0)
        return Memory(offset + scale * walk, missing, **options)

    return make


@pytest.fixture
def data_of():
    """A source as the only domain of a training, with the steps of a rollout."""

    def make(source, forcings=(), transforms=NORMALISED, times=None, objective=None, **roles):
        steps = (objective or Rollout()).steps({"data": source.frequency})
        settings = DomainSettings(data={}, forcings=list(forcings), variables=VariableSettings(**roles))
        times = source.times if times is None else times
        domain = domain_of(source, times, settings, steps["data"], transforms)
        return {"data": Data(source, times, domain)}, steps

    return make
