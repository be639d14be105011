"""A checkpoint to export."""

from __future__ import annotations

import pytest
from anemoi_plugin_training import train


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory):
    """One step of the default model on the sample data."""
    small = (
        "model.channels=8",
        "model.encoder.num_heads=2",
        "model.decoder.num_heads=2",
        "graph.refinement=2",
    )
    return train(
        "training.steps=1", "training.rollout=1", *small, output=tmp_path_factory.mktemp("run") / "it"
    )
