"""Zarr stores: a directory, a zip file or an object store, with zarr 2 or 3.

zarr is imported when a store is first opened and not before: it takes longer than the rest of
the plugin, and whoever lists or describes plugins does not need it.
"""

from __future__ import annotations

import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import AnemoiError, DataError, NotThereError
from numpy.typing import ArrayLike, NDArray

from .faults import is_unreachable, one_line
from .kinds_of_file import kind_of

_GIVE = "Give the path of a data set made by anemoi-datasets, or of a forecast written as Zarr."


def local_path(path: str) -> Path | None:
    """Give the file or directory that ``path`` means; None for the address of an object store."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        return Path(path).expanduser().absolute()
    return Path(rest) if scheme == "file" else None


def is_store(path: Path) -> bool:
    """Whether a directory or a zip file looks like a Zarr group."""
    if path.is_dir():
        return any((path / name).exists() for name in (".zgroup", "zarr.json"))
    return path.suffix == ".zip" and zipfile.is_zipfile(path)


def open_group(path: str) -> Any:
    """Open the Zarr group at ``path``, or at the address of an object store, for reading.

    Raises
    ------
    NotThereError
        If there is nothing at ``path``.
    DataError
        If it is no Zarr group.
    """
    zarr = import_module("zarr")
    try:
        return zarr.open_group(store=open_store(path), mode="r")
    except AnemoiError:
        raise
    except FileNotFoundError as error:  # so zarr says that there is no group
        if local_path(path) is not None:
            raise _no_group(path, error) from error
        raise NotThereError(
            f"{path} cannot be opened as a Zarr group: there is none at this address.",
            fix="Check the address, or try again later.",
        ) from error
    # What zarr raises for a file that is no zip, a directory that is no group, metadata that are
    # no JSON or a codec that is not installed differs from version to version.
    except Exception as error:
        raise _no_group(path, error) from error


def _no_group(path: str, error: Exception) -> DataError:
    if is_unreachable(error):
        return NotThereError(
            f"{path} cannot be opened as a Zarr group: {one_line(error)}", fix="Try again later."
        )
    local = local_path(path)
    if local is not None and (known := kind_of(local)) is not None:
        what, fix = known
        return DataError(f"{path} cannot be opened as a Zarr group: it is {what}.", fix=fix or _GIVE)
    return DataError(
        f"{path} cannot be opened as a Zarr group: {one_line(error)}",
        fix=_GIVE,
    )


def open_store(path: str) -> Any:
    """Give what Zarr reads at ``path``, or at the address of an object store.

    Raises
    ------
    NotThereError
        If there is nothing at ``path``.
    """
    local = local_path(path)
    if local is not None and not local.exists():
        raise NotThereError(f"{path} does not exist.", fix="Check the path of the data set (data.path=...).")
    return _store(path, local)


def create_group(path: Path, *, beside: bool = False) -> Any:
    """Create a Zarr group, of format 2, in a directory: instead of what it holds, or ``beside`` that."""
    version = {} if _is_zarr_2() else {"zarr_format": 2}
    mode = "a" if beside else "w"
    return import_module("zarr").open_group(store=_directory_store(path), mode=mode, **version)


def reopen_group(path: Path) -> Any:
    """Open the Zarr group in the directory ``path`` to write more."""
    return import_module("zarr").open_group(store=_directory_store(path), mode="r+")


def create_array(
    group: Any,
    name: str,
    *,
    dimensions: tuple[str, ...],
    values: ArrayLike | None = None,
    shape: tuple[int, ...] | None = None,
    chunks: tuple[int, ...] | None = None,
    dtype: str | None = None,
    filters: list[Any] | None = None,
) -> Any:
    """Create an array in ``group``: of ``values``, or of ``shape``, empty.

    What is never written of an empty array reads as NaN, so that a hole can never pass for data.
    """
    codec = _codec()
    content = None if values is None else np.asarray(values)
    options: dict[str, Any] = {
        "shape": shape if content is None else content.shape,
        "chunks": chunks or (shape if content is None else content.shape),
        "dtype": dtype if content is None else content.dtype,
        "fill_value": np.nan if content is None else 0,
        "filters": filters,
    }
    if _is_zarr_2():
        array = group.create_dataset(name, compressor=codec, overwrite=True, **options)
    else:
        array = group.create_array(name, compressors=codec, overwrite=True, **options)
    if content is not None:
        array[...] = content
    array.attrs["_ARRAY_DIMENSIONS"] = list(dimensions)
    return array


def write_state(path: Path, position: int, state: NDArray[np.float32]) -> None:
    """Write the state at one time into the store in the directory ``path``, whose chunks hold a time each.

    Zarr itself would first look whether it is all missing, and copy it.

    Parameters
    ----------
    position
        Of the time.
    state
        ``(variable, ensemble, cell)``, contiguous.
    """
    (path / "data" / f"{position}.0.0.0").write_bytes(_codec().encode(state))


def _codec() -> Any:
    from numcodecs import Blosc

    # Bit-shuffling suits meteorological fields, which hold fewer bits than a float. After it, zstd would save
    # 5 to 14 % of the room (ERA5, a simulated atmosphere), but takes four times as long to write, and longer
    # to read.
    return Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE)


def _store(path: str, local: Path | None) -> Any:
    if local is None:
        from .remote import object_store

        return object_store(path)
    if local.is_file():
        _check_entries(local)
        return import_module("zarr").storage.ZipStore(str(local), mode="r")
    return _directory_store(local)


def _check_entries(path: Path) -> None:
    """Check that all that a zip file holds lies within it.

    Raises
    ------
    DataError
        If an entry names a place outside, as ``../../evil`` does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return  # which opening it says best
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in name:
            raise DataError(
                f"{path} has an entry that lies outside of it: {name!r}.",
                fix="It was made to harm, or is damaged: get it again from where it is whole.",
            )


def _directory_store(path: Path) -> Any:
    storage = import_module("zarr").storage
    return storage.DirectoryStore(str(path)) if _is_zarr_2() else storage.LocalStore(path)


def _is_zarr_2() -> bool:
    return bool(import_module("zarr").__version__.startswith("2."))
