"""Against what the processor of anemoi-models 0.19.0 gave, recorded by ``benchmarks/peer/parity.py``."""

from pathlib import Path

import pytest
import torch
from anemoi_plugin_testing.recording import Recording

from anemoi_plugin_transformer.processor import TransformerProcessor

RECORDINGS = sorted((Path(__file__).parent / "data").glob("processor-*.npz"))


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_outputs_and_gradients_are_the_peers(path, dtype, bound):
    errors = Recording.load(path).errors(TransformerProcessor, dtype)
    assert len(errors) > 20
    assert {name: error for name, error in errors.items() if not error <= bound} == {}


def test_there_are_recordings():
    assert {path.stem for path in RECORDINGS} >= {"processor-global", "processor-window"}
