"""Open data sets with anemoi-datasets and with the source ``zarr``, and compare them bit for bit.

    python scripts/compare_with_anemoi_datasets.py DATASET...

needs anemoi-datasets besides this distribution; leaves with 1 at the first difference.
"""

from __future__ import annotations

import sys

import numpy as np
from anemoi.datasets import open_dataset

from anemoi_plugin_zarr import ZarrSource


def compare(path: str) -> None:
    """Compare everything that both say of the data set at ``path``."""
    theirs, ours = open_dataset(path), ZarrSource(path=path)
    there = [i for i in range(len(theirs)) if i not in theirs.missing]
    data = np.concatenate([theirs[i : i + 1] for i in there]).transpose(0, 2, 3, 1)
    pairs = {
        "variables": (theirs.variables, list(ours.variables)),
        "dates": (theirs.dates, ours.times),
        "frequency": (np.timedelta64(theirs.frequency), ours.frequency),
        "missing": (theirs.dates[sorted(theirs.missing)], np.array(sorted(ours.missing), dtype="M8[s]")),
        "field_shape": (theirs.field_shape, ours.grid.field_shape),
        "latitudes": (theirs.latitudes, ours.grid.latitudes),
        "longitudes": (theirs.longitudes, ours.grid.longitudes),
        "data": (data, ours.read(ours.times[there])),
        **{name: (values, getattr(ours.statistics, name)) for name, values in theirs.statistics.items()},
    }
    for name, (their, our) in pairs.items():
        if not np.array_equal(their, our, equal_nan=np.asarray(our).dtype.kind == "f"):
            sys.exit(f"{path}: {name} differ: anemoi-datasets has {their}, the source {our}")
    print(f"{path}: {data.shape} and {', '.join(pairs)} are equal")


if __name__ == "__main__":
    for path in sys.argv[1:]:
        compare(path)
