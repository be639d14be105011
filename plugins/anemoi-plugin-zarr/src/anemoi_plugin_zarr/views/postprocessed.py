"""The source ``postprocess``: any other source, its states as a chain of post-processing leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Component, Spec
from anemoi.core.domain import Statistics
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.times import format_date
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ..checking import statistics
from ..reader import Index, Reader, derived, take
from .agreement import opened
from .view import View


class PostprocessSource(View):
    """The states of any source after steps of post-processing: derived variables, other units, another grid.

    The steps take the times of the source for the lead times of one forecast, which starts one time step
    before the first. A step that remembers states, such as ``accumulate``, needs all from the first one on;
    they are read again when reading goes back.

    Parameters
    ----------
    source
        The source, with its own name and options.
    steps
        The postprocessors, in order, each with its name and options.

    Raises
    ------
    ConfigError
        If there are no steps.
    DataError
        If a step remembers states, and the source lacks some.
    AnemoiError
        If a step cannot be made of what the one before leaves.
    """

    def __init__(
        self,
        *,
        source: Annotated[Spec, Component("source")],
        steps: list[Annotated[Spec, Component("postprocessor")]],
    ) -> None:
        super().__init__(opened("postprocess", [source])[0])
        _require_steps(steps)
        self._begin(steps)
        if self._chain.remembers and self._source.missing:
            raise DataError(
                f"postprocess: {self._source} has no data for {format_date(min(self._source.missing))}, "
                "so that what is remembered from state to state would have a gap.",
                fix="Fill what is missing (fill_missing_dates), or choose times without a gap: start, end.",
            )

    @classmethod
    def check_options(cls, *, source: Spec | None = None, steps: list[Spec] | None = None) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        _require_steps(steps)

    def _begin(self, steps: Sequence[Spec]) -> None:
        """Build the steps, which have seen no state."""
        # Only here, for it imports torch.
        from anemoi.core.forecasting.postprocessing import PostProcessing

        recipe = PostProcessing.of(steps)
        self._specs = recipe.specs
        self._made_by = [step.distribution for step in recipe.steps]
        self._chain = recipe.begin(_described(self._source))
        self._next, self._last = 0, np.empty(0, dtype=np.float32)

    def __getstate__(self) -> tuple[Reader, list[dict[str, Any]]]:
        return self._source, self._specs  # steps need not be such that they can be pickled

    def __setstate__(self, state: tuple[Reader, list[dict[str, Any]]]) -> None:
        self._source, specs = state
        self._begin(specs)

    @property
    def variables(self) -> tuple[str, ...]:
        """Those that the last step leaves."""
        return self._chain.after.variables

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """What the last step leaves."""
        return {name: self._chain.after.about(name) for name in self.variables}

    @property
    def grid(self) -> Grid:
        """That which the last step leaves."""
        return self._chain.after.grid

    @property
    def members(self) -> int:
        """As many as the last step leaves."""
        return self._chain.after.members

    @cached_property
    def statistics(self) -> Statistics:
        """Those of all that there is, which is read when they are first asked for."""
        return statistics(self)[0]

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """None are known."""
        return {}

    @property
    def statistics_period(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last time with data."""
        there = [time for time in self.times if time not in self.missing]
        return there[0], there[-1]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """One of its own, with the source as a parent, and the steps with the distribution of each."""
        made = [{**step, "distribution": by} for step, by in zip(self._specs, self._made_by, strict=True)]
        return derived([self._source], postprocess=made)

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read whole states, each once, and copy the parts of what the steps make of them."""
        for time in np.unique(times):
            state = self._made(int(time)).transpose(2, 0, 1)  # (variable, ensemble, cell)
            for place in np.flatnonzero(times == time):
                take(state, variables, cells, out[place])

    def _made(self, time: int) -> NDArray[np.float32]:
        """What the steps make of a state, ``(ensemble, cell, variable)``."""
        if not self._chain.remembers:
            return self._chain.apply(self._state(time)).fields
        if time < self._next - 1:
            self._chain, self._next = self._chain.again(), 0
        while self._next <= time:
            self._last = self._chain.apply(self._state(self._next)).fields
            self._next += 1
        return self._last

    def _state(self, time: int) -> State:
        described = self._chain.before
        fields = self._source.read(self.times[[time]])[0]
        return State(described.start, described.lead_times[time], fields)


def _described(source: Reader) -> ForecastDescription:
    """Describe the states of a source as a forecast from one time step before the first."""
    known = source.metadata
    start = source.times[0] - source.frequency
    return ForecastDescription(
        start=start,
        lead_times=(source.times - start).astype("timedelta64[s]"),
        members=source.members,
        variables=source.variables,
        grid=source.grid,
        units=source.units,
        provenance={},
        frequency=source.frequency,
        metadata={name: known[name] for name in source.variables},
    )


def _require_steps(steps: list[Spec] | None) -> None:
    if not steps:
        raise ConfigError("postprocess: there are no steps.", fix="Name at least one under 'steps'.")
