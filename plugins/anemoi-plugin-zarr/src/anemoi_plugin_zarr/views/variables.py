"""Some of the variables of a source, in another order, or under other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..reader import Index, Reader
from .view import View, within


class Variables(View):
    """Variables of a source by position, under names that may be others.

    Parameters
    ----------
    source
        The source.
    chosen
        Their positions.
    names
        Their names; those of the source by default.
    """

    def __init__(
        self, source: Reader, /, chosen: Sequence[int] | NDArray[np.intp], names: Sequence[str] | None = None
    ) -> None:
        super().__init__(source)
        self._chosen = np.asarray(chosen, dtype=np.intp)
        self._old = tuple(source.variables[i] for i in self._chosen)
        self._names = self._old if names is None else tuple(names)

    @property
    def variables(self) -> tuple[str, ...]:
        """Their names."""
        return self._names

    @property
    def statistics(self) -> Statistics:
        """Those of the variables chosen."""
        return self._source.statistics[self._chosen]

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """Those of the variables chosen."""
        return {duration: of[self._chosen] for duration, of in self._source.changes.items()}

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the variables chosen."""
        known = self._source.metadata
        return {new: replace(known[old], name=new) for old, new in zip(self._old, self._names, strict=True)}

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read those of the source that are meant."""
        self._source.fill(out, times, within(self._chosen, variables), cells)


def select(source: Reader, names: Sequence[str]) -> Variables:
    """Choose variables by name, in the order given."""
    _require("select", source, names)
    return Variables(source, [source.variables.index(name) for name in names])


def drop(source: Reader, names: Sequence[str]) -> Variables:
    """Choose all variables but those named."""
    _require("drop", source, names)
    left = [i for i, name in enumerate(source.variables) if name not in names]
    if not left:
        raise ConfigError("drop: no variable is left.", fix="Drop fewer.")
    return Variables(source, left)


def reorder(source: Reader, names: Sequence[str] | Literal["sort"]) -> Variables:
    """Put the variables in the order given, or in that of the alphabet."""
    order = sorted(source.variables) if names == "sort" else list(names)
    _require("reorder", source, order)
    forgotten = [name for name in source.variables if name not in order]
    if forgotten:
        raise ConfigError(
            f"reorder: it leaves out {', '.join(forgotten)}.", fix="Name all, or choose some with select."
        )
    return select(source, order)


def rename(source: Reader, names: Mapping[str, str]) -> Variables:
    """Give variables other names."""
    _require("rename", source, list(names))
    new = [names.get(name, name) for name in source.variables]
    twice = sorted({name for name in new if new.count(name) > 1})
    if twice or not all(new):
        raise ConfigError(f"rename: two variables would be called {', '.join(twice) or 'nothing'}.")
    return Variables(source, range(len(new)), new)


def levels(source: Reader, wanted: Sequence[float]) -> Variables:
    """Choose of the variables on levels those on the ones that are wanted; others stay."""
    known = source.metadata
    there = {known[name].level for name in source.variables}
    if absent := [each for each in wanted if each not in there]:
        found = ", ".join(f"{each:g}" for each in sorted(each for each in there if each is not None))
        raise ConfigError(
            f"levels: {source} has none at {', '.join(f'{each:g}' for each in absent)}.",
            fix=f"It has {found or 'none'}.",
        )
    kept = [i for i, name in enumerate(source.variables) if known[name].level in (None, *wanted)]
    return Variables(source, kept)


def _require(option: str, source: Reader, names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in source.variables]
    if unknown:
        raise ConfigError(
            f"{option}: {source} has no variable {', '.join(map(repr, unknown))}.",
            fix=f"It has {', '.join(source.variables)}.",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{option}: {', '.join(twice)} is named twice.")
    if not names:
        raise ConfigError(f"{option}: no variable is named.", fix="Name some, or leave the option out.")
