"""What a file or a directory is that is no data set, and what can be done with it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

_CREATE: Final = "Make a data set of it: anemoi data create {path} OUT.zarr"
_MAGIC: Final = (
    (b"GRIB", "a GRIB file", _CREATE),
    (b"CDF", "a NetCDF file", _CREATE),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as NetCDF 4 is", _CREATE),
    (b"\x1f\x8b", "a file compressed by gzip", "Unpack it: gunzip {path}"),
    (b"\x89PNG", "a picture", None),
    (b"%PDF", "a PDF document", None),
)


def kind_of(path: Path) -> tuple[str, str | None] | None:
    """Tell what ``path`` is, and what to do with it, where that is known; None where it is not.

    Nothing is read but its beginning.
    """
    if path.is_dir():
        return _directory(path)
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return "an empty file", "Copy or make it again."
    for magic, what, fix in _MAGIC:
        if start.startswith(magic):
            return what, None if fix is None else fix.format(path=path)
    # A length in eight bytes, and a header of that length in JSON.
    if len(start) > 8 and int.from_bytes(start[:8], "little") < 1 << 32 and start[8:9] == b"{":
        return "a file of tensors, as checkpoints are", f"Look into it: anemoi checkpoint inspect {path}"
    if zipfile.is_zipfile(path):
        return "a zip file that holds no Zarr group", None
    if path.suffix in (".yaml", ".yml"):
        return "a YAML file, as recipes are", f"Make a data set of it: anemoi data create {path} OUT.zarr"
    try:
        start.decode()
    except UnicodeDecodeError:
        return None
    return "a text file", None


def _directory(path: Path) -> tuple[str, str | None]:
    inside = sorted(path.iterdir())
    if not inside:
        return "an empty directory", None
    if (path / "checkpoint.safetensors").exists():
        found = path / "checkpoint.safetensors"
        return "the directory of a training", f"Look at what it made: anemoi checkpoint inspect {found}"
    if (path / ".zarray").exists():
        return "a Zarr array, not a group", f"Give the group that holds it: {path.parent}"
    if stores := [file for file in inside if file.suffix in (".zarr", ".zip")]:
        return f"a directory that holds {stores[0].name}", f"Give the path of that: {stores[0]}"
    suffixes = {file.suffix for file in inside if file.is_file()}
    for name, those in (("grib", {".grib", ".grib2", ".grb"}), ("netcdf", {".nc", ".nc4"})):
        if suffixes & those:
            fix = f"Make a data set of them: anemoi data create {name} path={path} OUT.zarr"
            return f"a directory of {'GRIB' if name == 'grib' else 'NetCDF'} files", fix
    return f"a directory of {len(inside)} files and directories, among them {inside[0].name}", None
