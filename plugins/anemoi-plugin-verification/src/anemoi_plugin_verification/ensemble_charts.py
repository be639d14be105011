"""Charts of an ensemble: spread and error, CRPS, ranks, reliability, spectra, and plumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .charts import STYLES, finish, over_lead
from .maps import FAINT, INK, new_figure
from .metric import Array
from .scores import CLIMATE_ENSEMBLE, LAGGED_ENSEMBLE, MODEL, Evaluation
from .units import display_unit, in_hours

ENSEMBLES: Final[Mapping[str, Any]] = {
    MODEL: STYLES[MODEL],
    CLIMATE_ENSEMBLE: {"color": "#009e73", "linewidth": 1.6, "linestyle": (0, (4, 1, 1, 1))},
    LAGGED_ENSEMBLE: {"color": "#cc79a7", "linewidth": 1.6, "linestyle": (0, (6, 1.5)), "marker": "^"},
}
ALL: Final[Mapping[str, Any]] = {**ENSEMBLES, **STYLES}
COLUMNS = 3


def ensemble_charts(evaluation: Evaluation, variable: str) -> Figure | None:
    """Draw what the metrics that were computed say of the ensembles of one variable; None if none does."""
    v = evaluation.variables.index(variable)
    panels = list(_panels(evaluation))
    if not panels:
        return None
    rows = -(-len(panels) // COLUMNS)
    figure = new_figure(12.5, 3.5 * rows)
    grid = np.asarray(figure.subplots(rows, COLUMNS, squeeze=False)).ravel()
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid, panels, strict=False):
        panel.draw(axes, evaluation, v, panel.lead)
    return figure


@dataclass(frozen=True)
class _Panel:
    """One chart, of all lead times or of the one with an index."""

    draw: Callable[[Axes, Evaluation, int, int], None]
    lead: int = -1


def _panels(evaluation: Evaluation) -> Iterator[_Panel]:
    """Which charts there are."""
    metrics, last = evaluation.metrics, len(evaluation.lead_times) - 1
    if "spread" in metrics:
        yield _Panel(_spread_and_error)
    if "crps" in metrics:
        yield _Panel(_crps)
    if MODEL in metrics.get("brier", evaluation.rmse).details:
        yield _Panel(_reliability, last // 2)
    if MODEL in metrics.get("rank-histogram", evaluation.rmse).details:
        yield from (_Panel(_ranks, lead) for lead in sorted({0, last // 2, last}))
    if MODEL in metrics.get("spectrum", evaluation.rmse).details:
        yield _Panel(_spectra, last)


def _spread_and_error(axes: Axes, evaluation: Evaluation, v: int, lead: int) -> None:
    """The error is the root of the mean over dates, as the spread is: a reliable ensemble has one curve."""
    unit, hours = display_unit(evaluation.units.get(evaluation.variables[v])), _hours(evaluation)
    errors = evaluation.rmse.by_start
    for who, style in ENSEMBLES.items():
        if who not in errors:
            continue
        name, colour = who.replace("_", " "), style["color"]
        error = np.sqrt(np.nanmean(errors[who][:, :, v] ** 2, axis=0)) * unit.factor
        spread = evaluation.metrics["spread"].overall[who][:, v] * unit.factor
        axes.plot(hours, error, color=colour, linewidth=1.8, label=f"error, {name}")
        axes.plot(
            hours, spread, color=colour, linewidth=1.8, linestyle=(0, (2, 1.2)), label=f"spread, {name}"
        )
    axes.set_ylim(bottom=0)
    over_lead(axes, _with_unit("Error of the mean, and spread", unit.label), hours)
    _legend(axes)


def _crps(axes: Axes, evaluation: Evaluation, v: int, lead: int) -> None:
    unit, hours = display_unit(evaluation.units.get(evaluation.variables[v])), _hours(evaluation)
    for who, values in evaluation.metrics["crps"].overall.items():
        axes.plot(hours, values[:, v] * unit.factor, label=who.replace("_", " "), **ALL[who])
    axes.set_ylim(bottom=0)
    over_lead(axes, _with_unit("CRPS", unit.label), hours)
    _legend(axes)


def _reliability(axes: Axes, evaluation: Evaluation, v: int, lead: int) -> None:
    """How often the event happens against its probability; the size of a point is the share of cases."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9)
    details = evaluation.metrics["brier"].details
    for who in (each for each in ENSEMBLES if each in details):
        share, observed = (details[who][name][lead, v] for name in ("forecast", "observed"))
        probability, colour = np.linspace(0, 1, len(share)), ENSEMBLES[who]["color"]
        axes.plot(probability, observed, color=colour, linewidth=1.4, label=who.replace("_", " "))
        axes.scatter(probability, observed, s=4 + 160 * share, color=colour, alpha=0.6, linewidth=0)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.set_ylabel("share of cases in which it happens", fontsize=9, color=INK)
    finish(axes, f"Reliability at {in_hours(evaluation.lead_times[lead])}", "probability")
    _legend(axes)


def _ranks(axes: Axes, evaluation: Evaluation, v: int, lead: int) -> None:
    frequency = evaluation.metrics["rank-histogram"].details[MODEL]["frequency"][lead, v]
    axes.bar(np.arange(len(frequency)), frequency, width=0.85, color=STYLES[MODEL]["color"], alpha=0.75)
    axes.axhline(1 / len(frequency), color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    finish(axes, f"Ranks at {in_hours(evaluation.lead_times[lead])}", "members below the truth")
    axes.grid(visible=False, axis="x")


def _spectra(axes: Axes, evaluation: Evaluation, v: int, lead: int) -> None:
    metric = evaluation.metrics["spectrum"]
    factor = display_unit(evaluation.units.get(evaluation.variables[v])).factor ** 2
    styles = {
        "truth": {"color": INK, "linewidth": 1.2},
        "members": {"color": STYLES[MODEL]["color"], "linewidth": 1.8},
        "mean": {"color": STYLES[MODEL]["color"], "linewidth": 1.4, "linestyle": (0, (2, 1.2))},
    }
    for name, style in styles.items():
        power = metric.details[MODEL][name][lead, v] * factor
        axes.loglog(np.arange(1, len(power) + 1), power, label=name, **style)
    axis = getattr(metric.metric, "axis", "wavenumber")
    finish(axes, f"Power at {in_hours(evaluation.lead_times[lead])}", axis)
    _legend(axes)


@dataclass(frozen=True)
class Plume:
    """An ensemble at one point.

    Parameters
    ----------
    place
        Of the point, in words.
    hours
        The lead times, ``(lead times,)`` in hours.
    members
        ``(lead times, members)``, in the unit shown.
    truth
        ``(lead times + 1,)``, from the start on.
    """

    place: str
    hours: Array
    members: Array
    truth: Array


def plume_chart(plume: Plume, unit: str) -> Figure:
    """Draw the members at a point, from the state at the start, with their mean and the truth."""
    figure = new_figure(10.5, 3.4)
    axes = figure.subplots()
    hours = np.concatenate([[0.0], plume.hours])
    start = np.full((1, plume.members.shape[1]), plume.truth[0])
    members = np.concatenate([start, plume.members])
    blue = STYLES[MODEL]["color"]
    axes.fill_between(hours, members.min(1), members.max(1), color=blue, alpha=0.12, linewidth=0)
    lines = axes.plot(hours, members, color=blue, linewidth=0.8, alpha=0.7)
    lines[0].set_label("members")
    axes.plot(hours, members.mean(1), color=blue, linewidth=2.4, label="mean of members")
    axes.plot(hours, plume.truth, color=INK, linewidth=1.8, marker="o", markersize=3.5, label="truth")
    over_lead(axes, _with_unit(f"Members at {plume.place}", unit), hours)
    _legend(axes)
    return figure


def _hours(evaluation: Evaluation) -> NDArray[np.float64]:
    return np.asarray(evaluation.lead_times / np.timedelta64(1, "h"))


def _with_unit(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
