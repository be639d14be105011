from __future__ import annotations

import pytest
from anemoi_plugin_training import train


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    words = ["graph.refinement=1", "model.channels=8", "training.steps=1", "training.rollout_steps=1"]
    return train(*words, "model.processor.num_layers=1", output=tmp_path_factory.mktemp("run") / "run")
