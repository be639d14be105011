"""A forecast is the same wherever it is computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anemoi.core import forecast


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch has no CUDA device here")
@pytest.mark.parametrize("members", [1, 3])
def test_on_a_gpu_it_is_the_same_to_rounding(make_checkpoint, built, members):
    _, _, tiny = built
    on = {}
    for device in ("cpu", "cuda"):
        states = forecast(make_checkpoint(), tiny(), "2020-01-02T06", "5d", members=members, device=device)
        on[device] = np.stack([state.fields for state in states])
    # Twenty steps of a model whose states are of order one, in float32.
    np.testing.assert_allclose(on["cuda"], on["cpu"], rtol=1e-4, atol=1e-4)
    assert np.abs(on["cpu"][-1] - on["cpu"][0]).max() > 0.1
