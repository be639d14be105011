"""Maps with coastlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from .coastlines import coastlines
from .projection import WIDTH, outline, project
from .raster import Raster

Field = NDArray[np.floating]

INK, FAINT = "#1b2733", "#8a97a3"
NOTHING = "#d9dee3"
"""Where a field is not defined."""
# Both can be read by people who do not see all colours.
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"


@dataclass(frozen=True)
class Scale:
    """The colours of a map: steps between ``levels`` of one colour map."""

    levels: NDArray[np.float64]
    colours: str

    @classmethod
    def of(cls, fields: Sequence[Field]) -> Scale:
        """Make a scale for quantities such as these; one that is centred on zero if they go both ways."""
        values = _values(fields)
        low, high = (float(value) for value in np.quantile(values, [0.002, 0.998]))
        if low < 0 < high and min(-low, high) > 0.2 * max(-low, high):
            return cls.around_zero(fields, steps=12)
        return cls(_steps(low, high, 20), SEQUENTIAL)

    @classmethod
    def around_zero(cls, fields: Sequence[Field], steps: int = 7) -> Scale:
        """Make a scale for differences, about ``steps`` each way and white where there is none."""
        reach = float(np.quantile(np.abs(_values(fields)), 0.998))
        positive = _steps(0.0, reach, steps)[1:]  # no step at zero: the white one lies about it
        return cls(np.concatenate([-positive[::-1], positive]), DIVERGING)

    @property
    def isolines(self) -> str:
        """The colour of lines that can be seen on all of these."""
        return "white" if self.colours == SEQUENTIAL else INK

    @cached_property
    def norm(self) -> Normalize:
        """From values to colours."""
        return BoundaryNorm(self.levels, 256, extend="both")


def _values(fields: Sequence[Field]) -> NDArray[np.float64]:
    """All values that are finite, and zero if none is."""
    values = np.concatenate([np.ravel(field) for field in fields]).astype(np.float64)
    finite = values[np.isfinite(values)]
    return finite if len(finite) else np.zeros(1)


def _steps(low: float, high: float, number: int) -> NDArray[np.float64]:
    """Round numbers from below ``low`` to above ``high``."""
    if not high > low:
        high = low + max(abs(low), 1.0) * 1e-3
    return np.asarray(MaxNLocator(number, steps=[1, 2, 2.5, 4, 5, 10]).tick_values(low, high))


def draw(axes: Axes, raster: Raster, field: Field, scale: Scale, *, isolines: bool = False) -> Any:
    """Draw a field on ``axes`` with coastlines, and return what a colour bar needs."""
    image = raster(field)
    filled = axes.contourf(
        raster.x, raster.y, image, scale.levels, norm=scale.norm, cmap=scale.colours, extend="both"
    )
    drawn = [filled]
    if isolines:
        drawn.append(
            axes.contour(
                raster.x, raster.y, image, scale.levels, colors=scale.isolines, linewidths=0.35, alpha=0.55
            )
        )
    globe = np.stack(outline(), axis=-1)
    edge = Polygon(globe, closed=True, facecolor="none", edgecolor=INK, linewidth=0.7)
    axes.add_patch(edge)
    if np.isnan(field).any():
        axes.add_patch(Polygon(globe, closed=True, facecolor=NOTHING, zorder=0))
    for layer in drawn:
        layer.set_clip_path(edge)
    axes.add_collection(LineCollection(_graticule(raster.centre), colors=INK, linewidths=0.3, alpha=0.25))
    axes.add_collection(LineCollection(_coasts(raster.centre), colors=INK, linewidths=0.55))
    for collection in axes.collections:
        collection.set_in_layout(False)  # All lie inside the axes; to measure them takes longer than to draw.
    axes.set(xlim=(raster.x[0], raster.x[-1]), ylim=(raster.y[-1], raster.y[0]), aspect="equal")
    axes.set_axis_off()
    return filled


def _coasts(centre: float) -> list[NDArray[np.float64]]:
    return [part for line in coastlines() for part in _on_the_map(line[:, 0], line[:, 1], centre)]


def _graticule(centre: float) -> list[NDArray[np.float64]]:
    latitudes = np.linspace(-90.0, 90.0, 91)
    longitudes = centre + np.linspace(-180.0, 179.9, 181)
    meridians = [_on_the_map(np.full(91, float(east)), latitudes, centre) for east in range(-180, 180, 30)]
    parallels = [_on_the_map(longitudes, np.full(181, float(north)), centre) for north in range(-60, 61, 30)]
    return [part for parts in (*meridians, *parallels) for part in parts]


def _on_the_map(
    longitudes: NDArray[np.float64], latitudes: NDArray[np.float64], centre: float
) -> list[NDArray[np.float64]]:
    """Bring a line to the map, in as many parts as the edge of the map cuts it into."""
    points = np.stack(project(longitudes, latitudes, centre), axis=-1)
    jumps = np.flatnonzero(np.abs(np.diff(points[:, 0])) > WIDTH / 4) + 1
    return [part for part in np.split(points, jumps) if len(part) > 1]


def new_figure(width: float, height: float) -> Figure:
    """Make a figure apart from pyplot, whose state is the user's."""
    return Figure(figsize=(width, height), layout="compressed")


def png(figure: Figure, dpi: int = 130) -> bytes:
    """Render a figure, in 256 colours: a map has few, and the file is a quarter of the size."""
    whole, small = BytesIO(), BytesIO()
    figure.savefig(whole, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    image = Image.open(whole).convert("RGB")
    # With k-means the areas keep their colours to within 3 of 255 steps; the edges between them matter less.
    few = image.quantize(256, kmeans=1, dither=Image.Dither.NONE)
    few.save(small, "png")
    return small.getvalue()


@dataclass(frozen=True)
class Case:
    """A state of a forecast beside the truth: ``(grid,)`` each, in the unit shown."""

    lead_time: str
    valid: str
    truth: Field
    forecast: Field


def comparison(raster: Raster, cases: Sequence[Case], unit: str, title: str = "") -> Figure:
    """Draw truth, forecast and error, one row for each case; truth and forecast on one scale."""
    figure = new_figure(14.0, 2.75 * len(cases) + (1.15 if title else 0.75))
    if title:
        figure.suptitle(title, fontsize=12, color=INK, fontweight="bold")
    axes = np.asarray(figure.subplots(len(cases), 3, squeeze=False))
    errors = [case.forecast - case.truth for case in cases]
    scale = Scale.of([field for case in cases for field in (case.truth, case.forecast)])
    error_scale = Scale.around_zero(errors)
    for row, case, error in zip(axes, cases, errors, strict=True):
        shown = draw(row[0], raster, case.truth, scale, isolines=True)
        draw(row[1], raster, case.forecast, scale, isolines=True)
        difference = draw(row[2], raster, error, error_scale)
        for panel, name in zip(
            row, ("Truth", f"Forecast, {case.lead_time}", "Forecast less truth"), strict=True
        ):
            panel.set_title(name, loc="left", fontsize=10, color=INK, fontweight="bold")
        row[0].set_title(f"valid {case.valid}", loc="right", fontsize=9, color=FAINT)
    for drawn, columns in ((shown, axes[:, :2]), (difference, axes[:, 2])):
        colour_bar(figure, drawn, columns, unit)
    return figure


def single(raster: Raster, field: Field, title: str, subtitle: str, unit: str) -> Figure:
    """Draw one field."""
    figure = new_figure(10.0, 5.9)
    axes = figure.subplots()
    drawn = draw(axes, raster, field, Scale.of([field]), isolines=True)
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    axes.set_title(subtitle, loc="right", fontsize=10, color=FAINT)
    colour_bar(figure, drawn, axes, unit)
    return figure


def colour_bar(figure: Figure, drawn: Any, axes: Any, unit: str, aspect: float = 45) -> None:
    """Draw the colours of ``drawn`` with their values below some axes."""
    bar = figure.colorbar(drawn, ax=axes, location="bottom", aspect=aspect, shrink=0.9, pad=0.02)
    positive = drawn.levels[drawn.levels > 0]
    if np.array_equal(drawn.levels, np.concatenate([-positive[::-1], positive])):
        labelled = positive[(len(positive) - 1) % 2 :: 2]  # every other one, the same on both sides
        bar.set_ticks([*-labelled[::-1], *labelled])
    bar.ax.tick_params(labelsize=8.5, colors=INK, length=2)
    bar.outline.set_linewidth(0.5)
    bar.set_label(unit, fontsize=9, color=INK)
