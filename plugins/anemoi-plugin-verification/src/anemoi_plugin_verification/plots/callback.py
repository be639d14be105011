"""The callback ``plots``: pictures of a training's validations, drawn beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from anemoi_plugin_training import Callback, Moment, ValidationState
from pydantic import Field

from .drawer import Drawer, DrawingError
from .forecast import Drawing, Forecast

log = logging.getLogger("anemoi")

FOLDER: Final = "plots"
VALIDATED: Final = "validation_loss"
SHOWN: Final = 4
"""How many variables of each domain have maps and spectra where none are named."""

PATIENCE: Final = {"finished": 120.0}
SHORT: Final = 10.0
"""Seconds to wait at the end for pictures that are not drawn yet: few before a batch system kills it."""


class Plots(Callback):
    """Draws validations into ``plots/`` of the run: maps and spectra of one forecast, the error by variable.

    The forecast is that from the first date of the validation, the same each time. Another process draws; one
    validation may wait for it, and more are left out: pictures never hold a training up, and newer ones come
    with the next validation. A drawing that fails is one warning.

    Parameters
    ----------
    variables
        Which have maps and spectra; none are the first four that each domain forecasts.
    every
        Every how many validations.
    most
        How many times in all, spread evenly over the steps of the training; the last validation is one.
    """

    def __init__(
        self,
        *,
        variables: tuple[str, ...] = (),
        every: Annotated[int, Field(ge=1)] = 1,
        most: Annotated[int, Field(ge=1)] = 20,
    ) -> None:
        self.variables, self.every, self.most = tuple(variables), every, most
        self._validations = self._drawn = 0  # how many there were, and the last step that was drawn
        self._record: Callable[[Path], None] = lambda path: None
        self._drawer: Drawer | None = None
        self._directory = Path()
        self._forecasts: dict[str, Forecast] = {}
        self._warned = False

    def start(self, directory: Path, record: Callable[[Path], None]) -> None:
        """See :meth:`anemoi_plugin_training.Callback.start`."""
        self._directory, self._record = directory / FOLDER, record
        self._drawer = Drawer()

    def validated(self, moment: Moment, state: ValidationState) -> None:
        """See :meth:`anemoi_plugin_training.Callback.validated`."""
        if self._drawer is None or not self._is_due(moment):
            return
        if state.name not in self._forecasts:
            outputs = state.domain.outputs
            chosen = (
                [each for each in outputs if each in self.variables] if self.variables else outputs[:SHOWN]
            )
            self._forecasts[state.name] = Forecast.of(state, chosen)
        if state.start == self._forecasts[state.name].start:
            self._forecasts[state.name].add(state)

    def after_step(self, moment: Moment, metrics: Mapping[str, float]) -> str | None:
        """See :meth:`anemoi_plugin_training.Callback.after_step`."""
        if VALIDATED in metrics:
            if self._is_due(moment):
                self._draw(moment.step, metrics)
                self._drawn = moment.step
            self._validations += 1
        self._tell()
        return None

    def finish(self, status: str) -> None:
        """See :meth:`anemoi_plugin_training.Callback.finish`."""
        if self._drawer is not None:
            self._drawer.close(PATIENCE.get(status, SHORT))
            self._tell()

    def state(self) -> dict[str, Any]:
        """See :meth:`anemoi_plugin_training.Callback.state`."""
        return {"validations": self._validations, "drawn": self._drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :meth:`anemoi_plugin_training.Callback.restore`."""
        self._validations, self._drawn = state["validations"], state["drawn"]

    def _is_due(self, moment: Moment) -> bool:
        if moment.step == moment.steps:
            return True
        part, before = (step * self.most // moment.steps for step in (moment.step, self._drawn))
        return (self._validations + 1) % self.every == 0 and part > before

    def _draw(self, step: int, metrics: Mapping[str, float]) -> None:
        forecasts, self._forecasts = self._forecasts, {}
        if self._drawer is None or not forecasts:
            return
        known = {each for one in forecasts.values() for each in one.units}
        if unknown := sorted(set(self.variables) - known):
            self._warn(f"no domain forecasts {', '.join(unknown)} (callbacks.plots.variables)")
        for one in forecasts.values():
            one.score(metrics)
        if not self._drawer.draw(Drawing(self._directory, step, forecasts)):
            self._warn(
                "it takes longer than from one validation to the next, so that some are left out; "
                "raise callbacks.plots.every"
            )

    def _tell(self) -> None:
        """Give the trackers what has been drawn."""
        if self._drawer is None:
            return
        for found in self._drawer.done():
            if isinstance(found, DrawingError):
                self._warn(str(found))
            else:
                self._record(found)

    def _warn(self, why: str) -> None:
        if not self._warned:
            log.warning("The callback plots cannot draw everything: %s.", why)
        self._warned = True
