"""The dimension ``expver`` of NetCDF files: the final ERA5, completed by the preliminary one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from .choice import SeveralWarning

EXPERIMENT: Final = "expver"
"""The name of the dimension."""

_ERA5: Final = (1, 5)


def one_experiment(dataset: Any, path: Path) -> Any:
    """Give a variable without the dimension, with a warning that its experiments are merged.

    Raises
    ------
    DataError
        If there are experiments besides ERA5 and ERA5T, which belong together.
    """
    if EXPERIMENT not in dataset.dims:
        return dataset
    numbers = [str(each).lstrip("0") for each in np.atleast_1d(dataset[EXPERIMENT].values)]
    if not set(numbers) <= {str(each) for each in _ERA5}:
        raise DataError(
            f"{path} has the experiments (expver) {', '.join(numbers)}.",
            fix="Write one of them to a file of its own: cdo selname, ncks -d expver,0 or xarray's sel.",
        )
    if len(numbers) > 1:
        warnings.warn(
            f"{path}: the final ERA5 (expver 1) is taken where it is there, and elsewhere the preliminary "
            "one (5, ERA5T).",
            SeveralWarning,
            stacklevel=2,
        )
    return dataset.isel({EXPERIMENT: 0}, drop=True)


def merged(array: Any) -> NDArray[Any]:
    """The values of a field, of the first experiment that has one at each point."""
    if EXPERIMENT not in array.dims:
        return np.asarray(array.values)
    numbers = [int(str(each)) for each in np.atleast_1d(array[EXPERIMENT].values)]
    fields = np.moveaxis(np.asarray(array.values), array.dims.index(EXPERIMENT), 0)
    first, *others = (fields[place] for place in np.argsort(numbers))
    for other in others:
        first = np.where(np.isnan(first), other, first)
    return np.asarray(first)
