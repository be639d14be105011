"""A store of fields along dimensions, as a reader."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any, Final

import numpy as np
from anemoi.core.conventions import valid
from anemoi.core.errors import AnemoiError, ConfigError, DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics, Times
from anemoi.core.moments import Moments
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..faults import is_unreachable, one_line
from ..reader import Index, Reader
from ..store import local_path, open_store
from .axes import read_axes
from .forecasts import choose
from .placed import find_variables


def is_gridded(group: Any) -> bool:
    """Whether a Zarr group is no data set of anemoi-datasets, so that it may be one of fields."""
    if {"variables", "name_to_index"} & set(group.attrs):
        return False
    try:
        return "data" not in group
    # It is there, and malformed: what zarr makes of that differs from version to version.
    except Exception:
        return False


class Gridded(Reader):
    """Fields along dimensions of time, level and place. It may be pickled, and used after a fork.

    Parameters
    ----------
    path
        Where it is: a directory, a zip file, or the address of an object store.
    base
        Of several forecasts the one to take, by its start: ``2020-01-01T06``, or ``latest``.
    step
        Of several forecasts the lead time to take of each: ``24h``.
    members
        The numbers of the ensemble members to take, in this order; None for all.
    level_type
        What the levels are, where the store does not say.
    frequency
        How far apart states are, of a store of one.
    periods
        What time sums, means and extremes are over, where the store does not say it: ``{tp: 1h}``.

    Raises
    ------
    DataError
        If what its coordinates mean is not clear, or the times are not equally spaced.
    NotThereError
        If there is no such forecast.
    """

    def __init__(
        self,
        path: str,
        *,
        base: str | None = None,
        step: str | None = None,
        members: Sequence[int] | None = None,
        level_type: str | None = None,
        frequency: str | None = None,
        periods: Mapping[str, str] | None = None,
    ) -> None:
        self._path = path
        dataset = self._open()
        self._axes = read_axes(dataset, path, level_type)
        self._moments = choose(self._axes, dict(dataset.attrs), path, base, step, frequency)
        self._members = _places(self._axes.members, members, path)
        self._placed = find_variables(dataset, self._axes, path, periods or {})
        if not self._placed:
            raise DataError(
                f"{path} has no fields at its {len(self.grid)} points.", fix="Give the path of another store."
            )
        self._attributes = {name: str(dataset.attrs[name]) for name in _TERMS if dataset.attrs.get(name)}
        self._identity = self._hash(dataset)

    def __str__(self) -> str:
        return self._path

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, such as ``t_850`` for ``temperature`` at 850 hPa."""
        return tuple(self._placed)

    @property
    def times(self) -> Times:
        """Every time from the first to the last that has data."""
        return self._moments.times

    @property
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""
        return self._moments.frequency

    @property
    def grid(self) -> Grid:
        """The points: of latitudes and longitudes row by row, whichever of the two is first in the store."""
        return self._axes.grid

    @property
    def members(self) -> int:
        """How many ensemble members there are."""
        return 1 if self._members is None else len(self._members)

    @cached_property
    def statistics(self) -> Statistics:
        """The statistics of all that there is, which is read when they are first asked for."""
        moments = Moments.none(len(self.variables))
        for time in self.times:
            if time not in self.missing:
                moments += Moments.of(self.read([time])[0].transpose(2, 0, 1))
        return moments.statistics()

    @cached_property
    def missing(self) -> frozenset[np.datetime64]:
        """The times between others that the store lacks."""
        return frozenset(self.times[self._moments.place < 0])

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """What the store says of each variable."""
        return {name: placed.known for name, placed in self._placed.items()}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The identity of the data, which follows from all that the store says of them, not from the data."""
        local = local_path(self._path)
        return {
            "kind": "dataset",
            "identity": self._identity,
            "path": self._path if local is None else str(local),
            **self._attributes,
        }

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read into ``out``: each array of the store once, at all its levels that are wanted."""
        if self._process != os.getpid():
            self._open()
        every = list(self._placed.values())
        chosen = every if variables is None else [every[i] for i in variables]
        where: dict[str, list[int]] = {}
        for i, placed in enumerate(chosen):
            where.setdefault(placed.own, []).append(i)
        for own, into in where.items():
            levels = [chosen[i].level for i in into]
            out[:, into] = self._read(own, self._moments.place[times], levels, cells)

    def _read(
        self, own: str, places: NDArray[np.intp], levels: Sequence[int | None], cells: Index
    ) -> NDArray[np.float32]:
        """Read ``(time, level, member, cell)`` of an array, whatever the order of its dimensions."""
        axes, moments = self._axes, self._moments
        array = self._dataset[own]
        wanted, again = np.unique(places, return_inverse=True)
        chosen, level_again = np.unique([level or 0 for level in levels], return_inverse=True)
        indices: dict[str, Any] = {**moments.fixed, moments.along: wanted}
        if axes.level is not None:
            indices[axes.level] = chosen
        if axes.member is not None:
            indices[axes.member] = self._members
        try:
            part = array.isel({name: index for name, index in indices.items() if name in array.dims})
            order = [moments.along, axes.level, axes.member, *axes.horizontal]
            part = part.squeeze([name for name in part.dims if name not in order])
            part = part.transpose(*[name for name in order if name in part.dims])
            values = np.asarray(part.values, dtype=np.float32)
        # A damaged or vanished chunk is whatever error the codec or the store makes of it.
        except Exception as error:
            if is_unreachable(error):
                raise NotThereError(
                    f"{self}: {own} cannot be read: {one_line(error)}",
                    fix="The object store does not answer, or does not have it: try again later.",
                ) from error
            raise DataError(
                f"{self}: {own} cannot be read: {one_line(error)}",
                fix="The store is damaged or gone: copy it again.",
            ) from error
        values = valid(values, array.attrs, array.encoding, f"{self}: {own}")
        shape = [part.sizes.get(name, 1) for name in order[:3]]
        values = values.reshape(*shape, len(self.grid))
        values = values[again] if shape[0] > 1 else values
        values = values[:, level_again] if shape[1] > 1 else values
        return values if cells is None else values[..., cells]

    def _hash(self, dataset: Any) -> str:
        digest = hashlib.sha256()
        for own in sorted({placed.own for placed in self._placed.values()}):
            array = dataset[own]
            about = {key: str(value) for key, value in sorted(array.attrs.items())}
            digest.update(json.dumps([own, array.dims, array.shape, str(array.dtype), about]).encode())
        axes = self._axes
        for values in (
            axes.grid.latitudes,
            axes.grid.longitudes,
            self.times,
            self._moments.place,
            axes.levels,
        ):
            digest.update(np.ascontiguousarray(values).tobytes())
        members = [] if self._members is None else [axes.members[place] for place in self._members]
        digest.update(json.dumps([sorted(self._moments.fixed.items()), members]).encode())
        return f"sha256:{digest.hexdigest()}"

    def _open(self) -> Any:
        try:
            xarray = import_module("xarray")
        except ImportError as error:
            raise DataError(
                f"{self._path} is no data set of anemoi-datasets; to read it as fields needs xarray.",
                fix='Install it: pip install "anemoi-plugin-zarr[xarray]"',
            ) from error
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that its metadata are not consolidated, say
                self._dataset = xarray.open_zarr(open_store(self._path), chunks=None, decode_timedelta=False)
        except AnemoiError:
            raise
        # What is wrong with a store is whatever error xarray, zarr and the codecs make of it.
        except Exception as error:
            raise DataError(
                f"{self._path} cannot be opened as a store of fields: {one_line(error)}",
                fix="Give the path of a Zarr store that xarray opens (xarray.open_zarr).",
            ) from error
        self._process: int | None = os.getpid()
        return self._dataset

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_dataset": None, "_process": None}


def _places(there: tuple[int, ...], wanted: Sequence[int] | None, path: str) -> NDArray[np.intp] | None:
    """The positions of the members that are wanted; None where there are no members."""
    if wanted is None:
        return np.arange(len(there)) if there else None
    if absent := [each for each in wanted if each not in there]:
        raise NotThereError(
            f"{path} has no member {', '.join(map(str, absent))}.",
            fix=f"It has {len(there)}, from {min(there)} to {max(there)}." if there else "It has none.",
        )
    if not wanted or len(set(wanted)) < len(wanted):
        raise ConfigError(f"members: {list(wanted)} does not name each once.", fix="As in members=[0,3]")
    return np.array([there.index(each) for each in wanted], dtype=np.intp)


_TERMS: Final = ("title", "description", "licence", "license", "attribution", "institution", "source")
