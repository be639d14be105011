"""The source ``zarr``: reads a data set in the anemoi-datasets Zarr layout."""

from __future__ import annotations

from typing import Any

from .dataset import Dataset
from .views.selection import Selection


class ZarrSource(Selection):
    """A data set in the anemoi-datasets Zarr layout, in a directory, a zip file or an object store.

    It may be pickled, and used after a fork: each process opens the store for itself.

    Parameters
    ----------
    path
        Where the data set is; ``s3://bucket/name.zarr`` for one in an object store.

    Raises
    ------
    DataError
        If it is not there, or not a whole data set: it names the array or the attribute that is
        wrong. Opening reads and checks everything but the data.
    """

    def __init__(self, *, path: str, **options: Any) -> None:
        super().__init__(Dataset(path), **options)
