"""Curves of error growth."""

from __future__ import annotations

from io import BytesIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .maps import FAINT, INK, new_figure
from .scores import CLIMATOLOGY, MODEL, PERSISTENCE, Evaluation
from .training_record import TrainingRecord
from .units import display_unit

# Of the palette of Okabe and Ito (2008), which most people with a colour deficiency can tell apart;
# the line styles say the same without colour.
STYLES = {
    MODEL: {"color": "#0072b2", "linewidth": 2.4, "marker": "o", "markersize": 4.5},
    PERSISTENCE: {
        "color": "#d55e00",
        "linewidth": 1.6,
        "linestyle": (0, (5, 2)),
        "marker": "s",
        "markersize": 3.5,
    },
    CLIMATOLOGY: {"color": "#6b7680", "linewidth": 1.6, "linestyle": (0, (1, 1.5))},
}


def error_growth(evaluation: Evaluation, variable: str) -> Figure:
    """Draw how the errors and, where it was computed, the anomaly correlation of one variable change.

    The band about the model's curve reaches from the best start date to the worst.
    """
    v = evaluation.variables.index(variable)
    unit = display_unit(evaluation.units.get(variable))
    lead = evaluation.lead_times / np.timedelta64(1, "h")
    figure = new_figure(10.5, 3.6)
    if correlations := evaluation.metrics.get("acc"):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    else:
        left, right = figure.subplots(), None
    for who, style in STYLES.items():
        if who == MODEL:
            errors = evaluation.rmse.by_start[who][:, :, v] * unit.factor  # (start, lead time)
            left.fill_between(
                lead, errors.min(0), errors.max(0), color=style["color"], alpha=0.13, linewidth=0
            )
        left.plot(lead, evaluation.rmse.overall[who][:, v] * unit.factor, label=who, **style)
        if correlations and who != CLIMATOLOGY:
            right.plot(lead, correlations.overall[who][:, v], label=who, **style)
    left.set_ylim(bottom=0)
    over_lead(
        left, f"Root-mean-square error ({unit.label})" if unit.label else "Root-mean-square error", lead
    )
    if correlations:
        right.set_ylim(top=1.0)
        over_lead(right, "Anomaly correlation", lead)
    left.legend(frameon=False, fontsize=9, labelcolor=INK)
    return figure


def training_curves(record: TrainingRecord) -> Figure:
    """Draw the training and the validation loss along the steps, and the learning rate.

    The training loss is shown by step, faint, and as the mean of a fiftieth of the steps; a line marks the
    step of the lowest validation loss.
    """
    figure = new_figure(10.5, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    blue, orange = STYLES[MODEL]["color"], STYLES[PERSISTENCE]["color"]
    window = max(1, len(record.steps) // 50)
    mean = np.convolve(record.losses, np.ones(window) / window, mode="valid")
    left.plot(record.steps, record.losses, color=blue, linewidth=0.6, alpha=0.25)
    left.plot(
        record.steps[window - 1 :], mean, color=blue, linewidth=1.8, label=f"training, mean of {window}"
    )
    if record.best is not None:
        left.plot(
            record.validated,
            record.validation_losses,
            color=orange,
            linewidth=1.6,
            marker="s",
            markersize=3.5,
            label="validation",
        )
        label = f"best checkpoint: step {record.best:,}"
        left.axvline(record.best, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label=label)
    shown = np.concatenate([mean, record.validation_losses])
    left.set_ylim(0, 1.1 * float(shown.max()))
    right.plot(record.steps, record.rates, color=blue, linewidth=1.8)
    right.set_ylim(bottom=0)
    for axes, title in ((left, "Loss"), (right, "Learning rate")):
        finish(axes, title, "optimisation step")
        axes.set_xlim(0, 1.02 * record.steps[-1])
    left.legend(frameon=False, fontsize=9, labelcolor=INK)
    return figure


def over_lead(axes: Axes, title: str, lead: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    """Finish a chart whose axis is lead times in hours."""
    finish(axes, title, "lead time (h)")
    axes.set_xlim(0, lead[-1] * 1.02)
    days = lead[-1] > 24 * 6
    axes.xaxis.set_major_locator(
        matplotlib.ticker.MultipleLocator(24 if days else 12 if lead[-1] > 24 else 6)
    )


def finish(axes: Axes, title: str, across: str) -> None:
    """Give a chart its title, the name of what goes across, and a grid behind it."""
    axes.set_title(title, loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.grid(color=FAINT, alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=8.5, colors=INK, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def svg(figure: Figure) -> bytes:
    """Render a figure as SVG, its text as outlines so that it looks the same everywhere."""
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
