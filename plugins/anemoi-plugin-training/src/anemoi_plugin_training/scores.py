"""The metrics that validations compute besides losses and errors: components of the kind ``metric``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Offset, Steps
from numpy.typing import NDArray

from .past import Past

RMSE = "rmse"
"""The metric of every validation, which needs no component."""

RESERVED = ("loss", RMSE)


class Metric(Protocol):
    """What a validation uses of a metric; its owner, anemoi-plugin-verification, says more."""

    better: Literal["lower", "higher", "nearer"] | None
    perfect: float | None
    least_members: int

    def update(self, forecast: NDArray[Any], truth: NDArray[Any], climatology: NDArray[Any]) -> None:
        """Take one more date: ``(lead times, members, grid, outputs)``, the others without members."""

    def compute(self) -> NDArray[np.float64]:
        """Give the score over all dates, ``(lead times, outputs)``."""


Builders = Mapping[str, Callable[..., Metric]]
"""What builds each metric from ``domain`` and ``lead_times``, by the name that the user gave it."""


def metric_builders(specs: Mapping[str, Spec], *, trust_code: bool = False) -> Builders:
    """Check the metrics of a configuration, and give what builds them.

    Raises
    ------
    ConfigError
        If an option will not do, or a name is that of another number of a validation.
    PluginError
        If one is unknown, or its kind is not installed.
    """
    if taken := [name for name in specs if name in RESERVED]:
        raise ConfigError(
            f"metrics.{taken[0]}: every validation has a {taken[0]} of its own.",
            fix="Give the metric another name.",
        )
    return {name: config.builder("metric", spec, trust_code=trust_code) for name, spec in specs.items()}


def lead_times(steps: Steps, count: int) -> list[Offset]:
    """When ``count`` steps of a forecast have outputs, after its start."""
    return [number * steps.step + offset for number in range(count) for offset in steps.outputs]


def built(
    builders: Builders, domain: Domain, steps: Steps, count: int, *, members: int = 1
) -> dict[str, Metric]:
    """Build the metrics of one domain, for forecasts of ``count`` steps.

    Raises
    ------
    ConfigError
        If one is not defined for the domain, or for so few members.
    """
    leads = np.array(lead_times(steps, count), "timedelta64[s]")
    metrics = {name: build(domain=domain, lead_times=leads) for name, build in builders.items()}
    for name, metric in metrics.items():
        if metric.least_members > members:
            raise ConfigError(
                f"metrics.{name}: it takes {metric.least_members} members or more, and a validation makes "
                f"forecasts of {members}.",
                fix="Choose training.validation.members=8 with an objective whose members differ, or leave "
                "it to anemoi evaluate CHECKPOINT --members 8",
            )
    return metrics


def cost(metric: Metric, value: float) -> float:
    """A number that is the lower the better a value of a metric is, one that says which values are better."""
    if metric.better == "nearer":
        return abs(value - (metric.perfect or 0.0))
    return -value if metric.better == "higher" else value


class Scores:
    """The metrics of one domain over all forecasts of a validation.

    Parameters
    ----------
    metrics
        Built for the domain and the lead times.
    past
        The climatology that forecasts are compared with.
    """

    def __init__(self, metrics: Mapping[str, Metric], past: Past) -> None:
        self._metrics, self._past = metrics, past

    def add(
        self, start: np.datetime64, leads: NDArray[Any], forecast: NDArray[Any], truth: NDArray[Any]
    ) -> None:
        """Take one forecast.

        Parameters
        ----------
        start
            When it starts.
        leads
            Its lead times.
        forecast
            ``(lead times, members, grid, outputs)``.
        truth
            The same, with one member where that is the truth of all; NaN where there is none.
        """
        normal = self._past.at(start + leads)  # (lead times, grid, outputs)
        members = truth.shape[1]
        for member in range(members):
            own = forecast if members == 1 else forecast[:, member : member + 1]
            known = np.where(np.isnan(normal), np.nan, truth[:, member])
            for metric in self._metrics.values():
                metric.update(own, known, normal)

    def values(self) -> dict[str, NDArray[np.float64]]:
        """Give each metric, ``(lead times, outputs)``; NaN where there was no truth."""
        return {name: metric.compute() for name, metric in self._metrics.items()}
