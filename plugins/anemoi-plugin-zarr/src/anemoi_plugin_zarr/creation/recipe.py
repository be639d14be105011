"""What a data set is made from, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from anemoi.core import config
from anemoi.core.config import Component, Composition, Spec
from anemoi.core.config.files import read_file


@dataclass(frozen=True, kw_only=True)
class StatisticsPeriod:
    """The times that the statistics are taken over: those that a model will be trained on.

    Parameters
    ----------
    start, end
        ISO dates, both included; a year, a month or a day stands for all of it. None is where the data
        begin or end.
    """

    start: str | int | None = None
    end: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a data set is made from, and how: what the file of a recipe may hold.

    Parameters
    ----------
    data
        The source, its name and options.
    filters
        What is done to it, one after the other: options of ``subset``, such as ``{area: [72, -12, 34, 42]}``,
        or a postprocessor, ``wind`` or ``{name: clip, lower: {tp: 0}}``.
    statistics
        The times that the statistics are taken over.
    allow_nans
        Whether values may be NaN; if not, one is an error.
    fill_values
        Numbers that stand for missing values in the data, though these do not say so: they become NaN.
    allow_implausible
        Whether values may be infinite, look like fill values, or be below 0 K; if not, one is an error.
    description, licence, attribution
        What the data set says of itself.
    """

    data: Annotated[Spec, Component("source")]
    filters: list[str | dict[str, Any]] = field(default_factory=list)
    statistics: StatisticsPeriod = field(default_factory=StatisticsPeriod)
    allow_nans: bool = False
    fill_values: list[float] = field(default_factory=list)
    allow_implausible: bool = False
    description: str | None = None
    licence: str | None = None
    attribution: str | None = None


def filtered(recipe: Recipe) -> Spec:
    """Describe the source of a recipe with its filters."""
    spec: Spec = recipe.data
    for each in recipe.filters:
        step = {"name": each} if isinstance(each, str) else each
        if "name" in step:
            spec = {"name": "postprocess", "source": spec, "steps": [step]}
        else:
            spec = {"name": "subset", "source": spec, **step}
    return spec


def read_recipe(path: Path) -> Recipe:
    """Read and check the recipe in the YAML file ``path``.

    Raises
    ------
    ConfigError
        If it cannot be read, or something in it is unknown or mistyped.
    """
    record = {"primary": str(path), "overrides": (), "values": read_file(path).values}
    return config.validate(Composition.from_dict(record), Recipe)
