"""The format NetCDF, with names and coordinates by the CF conventions, or nearly so."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.conventions import valid
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.variable import level_name
from numpy.typing import NDArray

from .experiments import EXPERIMENT, merged, one_experiment
from .fields import Described, Field
from .levels import in_words, is_level, type_of_levels
from .netcdf_classic import check_length
from .netcdf_times import OrderWarning, Validity, time_dimensions, validity
from .places import located, points_last

_OPEN: Final = 8
_SAMPLES: Final = 16
_MEMBER: Final = frozenset({"member", "ensemble", "ensemble_member"})


class Netcdf:
    """NetCDF files, whose coordinates earthkit-data tells apart.

    Parameters
    ----------
    rename
        What variables are to be called, by their names in the files.
    level_type
        The type of levels of which the files say nothing.
    """

    name = "NetCDF"
    suffixes = frozenset({".nc", ".nc4", ".netcdf", ".cdf"})

    def __init__(self, rename: Mapping[str, str], level_type: str | None = None) -> None:
        self._rename, self._level_type = dict(rename), level_type
        self.options = json.dumps([self._rename, level_type], sort_keys=True)
        self.rename: Mapping[str, str] = {}  # It goes by the names in the files, before they are others.
        self._process, self._files = os.getpid(), OrderedDict[Path, Any]()

    def scan(self, path: Path) -> Iterator[Field]:
        """List the fields of a file: those of each variable that has latitudes and longitudes."""
        dataset = _opened(path, said=True)
        fingerprint, grids = _fingerprint(path), dict[tuple[str, ...], str]()
        found = False
        for place, name in enumerate(dataset.data_vars):
            variable = _variable(dataset, str(name), path, self._level_type)
            if variable is None:
                continue
            found = True
            if variable.grid_dimensions not in grids:
                grids[variable.grid_dimensions] = _grid_key(variable)
            yield from self._fields(variable, place, grids[variable.grid_dimensions], fingerprint)
        dataset.close()
        if not found:
            raise DataError(
                f"{path} has no variable with latitudes and longitudes.",
                fix="See with ncdump -h that its coordinates follow the CF conventions "
                "(units degrees_north and degrees_east).",
            )

    def _fields(self, variable: _Variable, place: int, grid: str, fingerprint: float) -> Iterator[Field]:
        shape = tuple(variable.array.sizes[name] for name in variable.outer)
        named = self._named(variable)
        units = str(variable.array.attrs.get("units", ""))
        for flat, at in enumerate(np.ndindex(*shape)):
            index = dict(zip(variable.outer, at, strict=True))
            name, short_name, level = named[index[variable.level] if variable.level else 0]
            member = variable.members[index[variable.member] if variable.member else 0]
            time, start, base = variable.validity.at(index)
            yield Field(
                variable=Described(
                    name, units, level, variable.level_type, variable.validity.process, short_name
                ),
                grid=grid,
                version="",
                member=member,
                time=time,
                start=start,
                base=base,
                offset=flat,
                length=place,
                fingerprint=fingerprint,
            )

    def _named(self, variable: _Variable) -> list[tuple[str, str, float | None]]:
        """The name of each level, that without the level, and the level."""
        attributes, own = variable.array.attrs, str(variable.array.name)
        name = self._rename.get(own, str(attributes.get("GRIB_shortName", own)))
        written = _written_names(attributes)
        if written is not None and own not in self._rename and len(written) == len(variable.levels):
            levels = [_number(attributes.get("level")) if each is None else each for each in variable.levels]
            return [(each, "", level) for each, level in zip(written, levels, strict=True)]
        return [
            (name, "", _number(attributes.get("level")))
            if level is None
            else (level_name(name, level, variable.level_type), name, level)
            for level in variable.levels
        ]

    def grid(self, path: Path, offset: int, length: int) -> Grid:
        """Give the grid of a variable."""
        dataset = self._open(path)
        name = str(list(dataset.data_vars)[length])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said when it was listed
            variable = _variable(dataset, name, path, self._level_type)
        assert variable is not None
        latitudes, longitudes = _coordinates(variable.first)
        shape = tuple(variable.array.sizes[dimension] for dimension in variable.grid_dimensions)
        try:
            return Grid(latitudes, longitudes, shape if len(shape) == 2 else None)
        except DataError as error:
            raise DataError(
                f"{path}: the coordinates of {name} make no grid: {error.what}", fix=error.fix
            ) from error

    def read(self, path: Path, places: list[tuple[int, int]], points: int) -> Iterator[NDArray[np.floating]]:
        """Read fields, NaN where they have the missing value."""
        dataset = self._open(path)
        names = list(dataset.data_vars)
        for offset, place in places:
            array = dataset[names[place]]
            # The dimensions of the grid are the last ones, together as long as there are points.
            outer, size = [name for name in array.dims if name != EXPERIMENT], 1
            while outer and size < points:
                size *= array.sizes[outer.pop()]
            at = np.unravel_index(offset, tuple(array.sizes[name] for name in outer)) if outer else ()
            try:
                values = merged(array.isel(dict(zip(outer, at, strict=True))))
            # Whatever netCDF4 and HDF5 make of damaged data.
            except Exception as error:
                raise DataError(
                    f"{path}: a field of {names[place]} cannot be read: {error}.",
                    fix="The file is damaged: copy or make it again.",
                ) from error
            field = np.asarray(values, dtype=np.float32).reshape(-1)
            yield valid(field, array.attrs, array.encoding, f"{path}: {names[place]}")

    def _open(self, path: Path) -> Any:
        """A file that stays open for a while, in each process for itself."""
        if self._process != os.getpid():
            self._process, self._files = os.getpid(), OrderedDict()
        if path not in self._files:
            self._files[path] = _opened(path)
            if len(self._files) > _OPEN:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return self._files[path]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_process": None, "_files": OrderedDict()}


@dataclass(frozen=True)
class _Variable:
    """A variable of a file, and what its dimensions mean."""

    array: Any
    outer: tuple[str, ...]
    grid_dimensions: tuple[str, ...]
    level: str | None
    levels: tuple[float | None, ...]
    level_type: str | None
    member: str | None
    members: tuple[int, ...]
    validity: Validity
    first: Any


def _opened(path: Path, *, said: bool = False) -> Any:
    """Open a file, the points of its variables along their last dimensions; with a warning if that is new."""
    from earthkit.data import from_source

    check_length(path)
    try:
        made = from_source("file", str(path)).to_xarray(cache=False, decode_timedelta=True)
        made = _recognisable(made)
    # Whatever the libraries beneath make of damaged or foreign files.
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as NetCDF: {error}.",
            fix="It is truncated, damaged, or of another format: copy or make it again, "
            "or give a pattern that matches NetCDF files alone: path=DIR/*.nc",
        ) from error
    dataset, turned = points_last(located(made, path))
    if turned and said:
        warnings.warn(
            f"{path}: the dimensions of {', '.join(turned)} are put in order: points last.",
            OrderWarning,
            stacklevel=3,
        )
    return dataset


def _written_names(attributes: Mapping[str, Any]) -> list[str] | None:
    """The names that the variables of a forecast had when it was written, one for each level."""
    try:
        names = json.loads(attributes.get("anemoi_variables", ""))
    except (TypeError, ValueError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _fields_of(dataset: Any) -> Any:
    from earthkit.data import from_object

    try:
        return from_object(dataset).to_fieldlist()
    except ValueError:  # So it says that there are none.
        return ()


def _says_level(coordinate: Any) -> bool:
    return coordinate is not None and is_level(coordinate.attrs)


def _variable(dataset: Any, name: str, path: Path, level_type: str | None) -> _Variable | None:
    """Tell what the dimensions of a variable mean; None if it has no latitudes and longitudes."""
    alone = one_experiment(dataset[[name]], path)
    array = alone[name]
    if not array.size:
        empty = next(each for each, size in array.sizes.items() if not size)
        raise NotThereError(
            f"{path}: {name} has no values: its dimension {empty} has the length 0.", fix="Try again later."
        )
    times = time_dimensions(array, path)
    # What may be several times at once is told apart here, and by the library not at all.
    dated = [each for each, coordinate in array.coords.items() if coordinate.dtype.kind in "mM"]
    still = alone.isel(dict.fromkeys(times, 0)).drop_vars(dated)
    fields = _fields_of(still)
    if not len(fields):
        return None
    try:
        first = fields[0]
        points = first.geography.latitudes().size
    # Whatever earthkit-data makes of dimensions that it does not know.
    except Exception as error:
        raise DataError(
            f"{path}: the dimensions {array.dims} of {name} are not all of time, level, member and grid: "
            f"{error}.",
            fix="Give each a coordinate with a standard_name or units of the CF conventions.",
        ) from error
    inner: list[str] = []
    while len(inner) < array.ndim and prod(array.sizes[each] for each in inner) < points:
        inner.insert(0, array.dims[-1 - len(inner)])
    if prod(array.sizes[each] for each in inner) != points or set(inner) & set(times):
        raise DataError(
            f"{path}: the last dimensions of {name} {array.dims} are not those of its {points} points.",
            fix="Reorder the dimensions: (time, member, level, latitude, longitude).",
        )
    outer = tuple(array.dims[: array.ndim - len(inner)])
    roles: dict[str, Any] = {"level": None, "member": None}
    found: dict[str, tuple[Any, ...]] = {
        "level": (first.vertical.level(),),
        "member": (first.ensemble.member(),),
    }
    # What says that it is a level comes first: along the one member of a forecast there is one level too.
    for dimension in sorted(outer, key=lambda each: not _says_level(array.coords.get(each))):
        if dimension in times:
            continue
        size, coordinate = array.sizes[dimension], array.coords.get(dimension)
        if _says_level(coordinate) and not roles["level"]:
            roles["level"], found["level"] = dimension, tuple(in_words(coordinate))
            continue
        others = {each: 0 for each in outer if each != dimension and each in still.dims}
        along = _fields_of(still.isel(others))
        what = {
            "level": tuple(field.vertical.level() for field in along),
            "member": tuple(field.ensemble.member() for field in along),
        }
        free = [each for each, taken in roles.items() if not taken]
        role = next((each for each in free if None not in what[each] and len(set(what[each])) == size), None)
        if role is None:
            raise DataError(
                f"{path}: the dimension {dimension} of {name} is neither time, level, member nor grid.",
                fix="Give it a coordinate with a standard_name or units of the CF conventions.",
            )
        roles[role], found[role] = dimension, what[role]
        if role == "level" and coordinate is not None:
            found[role] = tuple(in_words(coordinate))
    # A level for all of a variable is a coordinate without dimensions.
    along_level = (roles["level"],) if roles["level"] else ()
    return _Variable(
        array=array,
        outer=outer,
        grid_dimensions=tuple(inner),
        level=roles["level"],
        levels=tuple(None if each is None else float(each) for each in found["level"]),
        level_type=type_of_levels(
            f"{path}: the levels of {name}",
            [float(each) for each in found["level"] if each is not None],
            array.attrs,
            [each.attrs for each in array.coords.values() if each.dims == along_level],
            level_type,
        ),
        member=roles["member"],
        members=tuple(0 if each is None else int(each) for each in found["member"]),
        validity=validity(dataset, array, times, path),
        first=first,
    )


def _recognisable(dataset: Any) -> Any:
    """Give coordinates that earthkit-data does not know the names and units that it knows."""
    for name, coordinate in list(dataset.coords.items()):
        about = coordinate.attrs
        if name in _MEMBER or about.get("standard_name") == "realization":
            dataset = dataset.rename({name: "number"})
    return dataset


def _coordinates(field: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    geography = field.geography
    latitudes, longitudes = (
        np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
        for values in (geography.latitudes(), geography.longitudes())
    )
    return latitudes, longitudes


def _grid_key(variable: _Variable) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for values in _coordinates(variable.first):
        digest.update(values.tobytes())
    return f"{','.join(variable.grid_dimensions)} {digest.hexdigest()}"


def _fingerprint(path: Path) -> float:
    """A number from a few parts of a file."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb", buffering=0) as file:
        for start in np.linspace(0, max(size - 4096, 0), _SAMPLES, dtype=np.int64).tolist():
            digest.update(os.pread(file.fileno(), 4096, start))
    return float(int.from_bytes(digest.digest()[:6], "big"))


def _number(said: Any) -> float | None:
    try:
        return None if said is None else float(said)
    except (TypeError, ValueError):
        return None
