"""Pictures of what was measured along a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

_MEMORY = 20
"""The line is a mean over this many steps, or a tenth of a shorter run: single steps are noisy."""


def curves(records: Iterable[Mapping[str, Any]]) -> dict[str, Figure]:
    """Draw each metric over the steps, but for those of the machine.

    Parameters
    ----------
    records
        Records of metrics, each with its ``step`` and its ``values``.

    Returns
    -------
    dict
        A figure for each metric, by its name.
    """
    points: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for record in records:
        for name, value in record["values"].items():
            if not name.startswith("system/"):
                points[name].append((record["step"], value))
    return {name: _curve(name, np.array(values, dtype=float)) for name, values in points.items()}


def _curve(name: str, points: np.ndarray) -> Figure:
    """Draw a curve through ``(step, value)``, on a logarithmic axis where no value is zero or less."""
    steps, values = points.T
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    width = max(1, min(_MEMORY, len(values) // 10))
    axes.plot(steps, values, color="0.8", linewidth=1)
    mean = np.convolve(values, np.full(width, 1 / width), mode="valid")
    axes.plot(steps[width - 1 :], mean, color="tab:blue", label=f"mean of {width} steps")
    axes.set(xlabel="optimisation step", ylabel=name, yscale="log" if (values > 0).all() else "linear")
    if width > 1:
        axes.legend()
    return figure
