"""NetCDF files, with a clear error where they, or what reads them, are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anemoi.core.errors import AbsentError, DataError


@contextmanager
def opened(path: Path, variables: Sequence[str]) -> Iterator[Any]:
    """Open a file that has some variables, as a ``netCDF4.Dataset``.

    Raises
    ------
    AbsentError
        Without the package netCDF4.
    DataError
        If the file cannot be read, or lacks one of ``variables``.
    """
    try:
        import netCDF4
    except ImportError as error:
        raise AbsentError(
            f"{path} needs the package netCDF4 to be read, which is not installed.",
            requirement="anemoi-plugin-graphs[netcdf]",
            fix='Install it: pip install "anemoi-plugin-graphs[netcdf]"',
        ) from error
    try:
        with netCDF4.Dataset(path) as dataset:
            if absent := [name for name in variables if name not in dataset.variables]:
                raise DataError(f"{path} has no {', '.join(absent)}; it has {', '.join(dataset.variables)}.")
            yield dataset
    except OSError as error:
        raise DataError(f"{path} cannot be read as NetCDF: {error}") from error
