"""Maps of the members of an ensemble, beside their mean and the truth."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from .maps import INK, Field, Scale, colour_bar, draw, new_figure
from .raster import Raster

MOST, COLUMNS = 8, 5
"""Of so many members there are maps, in rows of so many."""


def stamps(raster: Raster, truth: Field, members: Field, unit: str, when: str) -> Figure:
    """Draw the truth ``(grid,)``, the mean and the first members ``(members, grid)``, all on one scale."""
    shown = members[:MOST]
    titles = ["Truth", f"Mean of {len(members)}", *(f"Member {k + 1}" for k in range(len(shown)))]
    fields = [truth, members.mean(axis=0), *shown]
    rows = -(-len(fields) // COLUMNS)
    figure = new_figure(15.0, 1.75 * rows + 1.2)
    axes = np.asarray(figure.subplots(rows, COLUMNS, squeeze=False))
    scale = Scale.of(fields)
    for panel in axes.ravel()[len(fields) :]:
        panel.set_axis_off()
    for panel, title, field in zip(axes.ravel(), titles, fields, strict=False):
        drawn = draw(panel, raster, field, scale)
        panel.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    figure.suptitle(when, fontsize=10, color=INK)
    colour_bar(figure, drawn, axes, unit, aspect=110)
    return figure
