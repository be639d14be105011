"""Read what `anemoi checkpoint export --metadata` writes with the real anemoi-inference and anemoi-utils.

    anemoi checkpoint export model.safetensors --metadata model.ckpt
    PYTHON benchmarks/peer/read_metadata.py model.safetensors model.ckpt

PYTHON is that of an environment made as benchmarks/peer/inference.txt tells.
"""

from __future__ import annotations

import sys
from datetime import timedelta

import numpy as np
from anemoi.core.checkpoint import load
from anemoi.inference.checkpoint import Checkpoint

checkpoint = load(sys.argv[1])
domain = checkpoint.domain
theirs = Checkpoint(sys.argv[2])
[data] = theirs.multi_dataset_metadata.values()

categories = data.variable_categories()
assert tuple(name for name in data.variables if "prognostic" in categories[name]) == domain.prognostic
assert [name for name in data.variables if "computed" in categories[name]] == [
    *checkpoint.configuration.get("forcings", ())
]
assert theirs.timestep == timedelta(seconds=int(domain.frequency / np.timedelta64(1, "s")))
assert theirs.lagged[-1] == timedelta(0)
assert data.number_of_grid_points == len(domain.grid)
np.testing.assert_array_equal(data.latitudes, domain.grid.latitudes)
np.testing.assert_array_equal(data.longitudes, domain.grid.longitudes)
versions = theirs.provenance_training()["module_versions"]
assert {each.distribution for each in checkpoint.lock} <= set(versions)
print(f"{sys.argv[2]} says what {sys.argv[1]} is: {', '.join(data.variables)}")
