"""The figures of a validation: maps and spectra of one forecast, and the error by variable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..charts import finish
from ..maps import FAINT, INK, Case, comparison, new_figure, png
from ..raster import Raster
from ..units import display_unit, in_hours, in_words, long_name
from .forecast import Drawing, Field, Forecast
from .spectra import Spectra

COLOURS = ("#0072b2", "#009e73", "#e69f00", "#cc79a7")
"""Of the palette of Okabe and Ito (2008), for lead times."""


def pictures(drawing: Drawing) -> Iterator[tuple[str, bytes]]:
    """Draw all figures of a drawing, each with its name, as PNG."""
    for name, forecast in drawing.forecasts.items():
        of = f"{name}-" if len(drawing.forecasts) > 1 else ""
        when = f"forecast from {in_words(forecast.start)}, after step {drawing.step:,}"
        if forecast.columns:
            raster = Raster(forecast.grid)
            for place, variable in enumerate(forecast.columns):
                yield f"{of}map-{variable}", png(_maps(raster, forecast, place, variable, when), dpi=110)
            if spectra := Spectra.of(forecast.grid):
                yield f"{of}spectra", png(_spectra(spectra, forecast, when), dpi=110)
        if any(forecast.errors.values()):
            yield f"{of}errors", png(_errors(forecast, drawing.step), dpi=110)


def _shown(forecast: Forecast) -> list[int]:
    """The first, a middle and the last of the states."""
    count = len(forecast.lead_times)
    return sorted({0, (count - 1) // 2, count - 1})


def _maps(raster: Raster, forecast: Forecast, place: int, variable: str, when: str) -> Figure:
    unit = display_unit(forecast.units[variable])
    cases = [
        Case(
            lead_time=in_hours(forecast.lead_times[k]),
            valid=in_words(forecast.start + forecast.lead_times[k]),
            truth=forecast.truths[k][:, place].astype(np.float64) * unit.factor,
            forecast=forecast.forecasts[k][..., place].astype(np.float64).mean(0) * unit.factor,
        )
        for k in _shown(forecast)
    ]
    return comparison(raster, cases, unit.label, title=f"{long_name(variable)}, {when}")


def _spectra(spectra: Spectra, forecast: Forecast, when: str) -> Figure:
    variables = list(forecast.columns)
    columns = min(2, len(variables))
    rows = -(-len(variables) // columns)
    figure = new_figure(5.6 * columns + 0.6, 3.6 * rows + 0.5)
    separator = ", " if columns > 1 else "\n"
    figure.suptitle(f"Power spectra{separator}{when}", fontsize=11.5, color=INK, fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels[len(variables) :]:
        panel.set_axis_off()
    for place, (panel, variable) in enumerate(zip(panels, variables, strict=False)):
        unit = display_unit(forecast.units[variable])
        for number, k in enumerate(_shown(forecast)):
            colour, lead = COLOURS[number], in_hours(forecast.lead_times[k])
            sets: tuple[tuple[Field, str, dict[str, Any]], ...] = (
                (forecast.truths[k][None, :, place], f"truth, {lead}", {"linestyle": (0, (1, 1.3))}),
                (forecast.forecasts[k][..., place], f"forecast, {lead}", {}),
            )
            for fields, label, style in sets:
                power = spectra.power(fields * np.float32(unit.factor))
                if np.isfinite(power).all():
                    panel.loglog(
                        np.arange(1, len(power) + 1), power, color=colour, linewidth=1.5, label=label, **style
                    )
        finish(panel, long_name(variable), spectra.axis)
        panel.set_ylabel(f"power, ({unit.label})²" if unit.label else "power", fontsize=9, color=INK)
        if panel.lines:
            panel.legend(frameon=False, fontsize=8, labelcolor=INK)
        else:
            panel.set(xticks=[], yticks=[])
            panel.text(
                0.5, 0.5, "not defined everywhere", transform=panel.transAxes, ha="center", color=FAINT
            )
    return figure


def _errors(forecast: Forecast, step: int) -> Figure:
    relative = {
        variable: {lead: error / forecast.deviations[variable] for lead, error in errors.items()}
        for variable, errors in forecast.errors.items()
        if errors and forecast.deviations[variable] > 0
    }
    variables = sorted(relative, key=lambda each: max(relative[each].values()))
    figure = new_figure(8.0, 0.24 * len(variables) + 1.3)
    axes = figure.subplots()
    shown = [forecast.lead_times[k] for k in _shown(forecast)]
    for colour, lead in zip(COLOURS, shown, strict=False):
        places = [place for place, each in enumerate(variables) if lead in relative[each]]
        values = [relative[variables[place]][lead] for place in places]
        axes.plot(values, places, "o", color=colour, markersize=6, label=in_hours(lead))
    axes.set_yticks(range(len(variables)), variables)
    axes.set_ylim(-0.7, len(variables) - 0.3)
    axes.set_xlim(left=0)
    finish(
        axes,
        f"Error by variable, all validation dates, after step {step:,}",
        "root-mean-square error, in standard deviations of the variable in the training period",
    )
    axes.legend(
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        title="lead time",
        title_fontsize=8.5,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
    )
    return figure
