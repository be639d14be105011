"""Write a data set into the distribution, as one zip file in the anemoi-datasets Zarr layout."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Times
from anemoi_plugin_zarr.changes import Changes
from anemoi_plugin_zarr.content import record_content
from anemoi_plugin_zarr.layout import tendency
from anemoi_plugin_zarr.store import create_array, reopen_group
from anemoi_plugin_zarr.writer import LayoutWriter
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "src" / "anemoi_plugin_sample_data" / "data"


def check_input(path: Path, sha256: str) -> None:
    """Leave if ``path`` is not the very file that the data set was made from."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{path} has the SHA-256 {found}, not {sha256}: it is another file.")


def embed(
    name: str,
    *,
    fields: NDArray[np.float32],
    variables: Sequence[str],
    units: Mapping[str, str],
    grid: Grid,
    times: Times,
    statistics_times: int,
    input_sha256: str,
    attributes: Mapping[str, Any],
    changes: bool = False,
    **storage: Any,
) -> None:
    """Write ``fields`` ``(time, ensemble, grid, variable)`` and what describes them.

    With ``changes``, that includes statistics of the changes from one time of the training period to
    the next.

    The same input gives the same file to the byte, with the same versions of what writes and
    compresses it; the identity of the data set depends on all the values and names in it.
    """
    content = hashlib.sha256(repr((variables, times.tolist(), statistics_times)).encode())
    for array in (fields, grid.latitudes, grid.longitudes):
        content.update(np.ascontiguousarray(array).tobytes())
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, content.hexdigest()))
    provenance = {**attributes["provenance"], "input_sha256": input_sha256}
    with tempfile.TemporaryDirectory() as directory:
        writer = LayoutWriter(
            Path(directory),
            variables=variables,
            grid=grid,
            units=units,
            members=fields.shape[1],
            times=times,
            frequency=times[1] - times[0],
            statistics_times=statistics_times,
            **storage,
        )
        writer.write(fields)
        writer.finish({**attributes, "provenance": provenance, "uuid": identity})
        if changes:
            _write_changes(Path(directory), fields[:statistics_times], times)
        record_content(Path(directory))
        target = DATA / f"{name}.zarr.zip"
        _zip(Path(directory), target)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, {identity}")


def _write_changes(directory: Path, fields: NDArray[np.float32], times: Times) -> None:
    """Write the statistics of the changes between successive ``fields``."""
    frequency = times[1] - times[0]
    changes = Changes([frequency], fields.shape[-1])
    for time, field in zip(times, fields, strict=False):
        changes.add(time, field.transpose(2, 0, 1))  # (variable, ensemble, grid)
    group = reopen_group(directory)
    for name, values in vars(changes.statistics()[frequency]).items():
        create_array(group, tendency(frequency, name), dimensions=("variable",), values=values)


def _zip(directory: Path, target: Path) -> None:
    """Put all files of ``directory`` in a zip, uncompressed (their chunks are) and without their dates."""
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(file.relative_to(directory).as_posix()), file.read_bytes())
