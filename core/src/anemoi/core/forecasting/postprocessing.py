"""What becomes of states on their way to an output: a chain of steps, checked before one is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Union

import numpy as np

from .. import config, plugins
from ..errors import AnemoiError, ConfigError, PluginError
from ..interfaces.output import ForecastDescription, State
from ..interfaces.postprocessor import PostProcessor
from ..times import format_date, format_duration

Step = Union[str, "Mapping[str, Any]"]
"""A step as a user writes it: its name, or that and its options, ``{"name": "clip", "lower": {"tp": 0}}``."""


@dataclass(frozen=True)
class PlannedStep:
    """One step of a chain, its options checked.

    Parameters
    ----------
    spec
        Its name and options, as a configuration says them.
    distribution
        What it is of, with the version: ``anemoi-plugin-postprocessing 0.2.0``.
    build
        What builds it, from ``forecast``.
    """

    spec: Mapping[str, Any]
    distribution: str
    build: Callable[..., PostProcessor]

    @property
    def name(self) -> str:
        """The name of the component."""
        return str(self.spec["name"])


@dataclass(frozen=True)
class PostProcessing:
    """The chain of an output as a configuration says it; no step at all by default."""

    steps: tuple[PlannedStep, ...] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> PostProcessing:
        """Find the steps, and check their options.

        Raises
        ------
        ConfigError
            If one has no name, or does not take its options.
        PluginError
            If there is no such postprocessor here: every one that is not, at once.
        """
        needs, specs = plugins.Needs(), []
        distributions: list[str] = []
        for step in steps:
            spec = {"name": step} if isinstance(step, str) else dict(step)
            if not isinstance(spec.get("name"), str):
                raise ConfigError(
                    f"A step of post-processing has no name: {spec}.",
                    fix=f"Write {{name: NAME, OPTION: VALUE}}. {_installed()}",
                )
            with needs.noted():
                plugins.load("postprocessor", spec["name"])
                found = plugins.find("postprocessor", spec["name"])
                distributions.append(f"{found.distribution} {found.version}")
            specs.append(spec)
        needs.check()
        return cls(
            tuple(
                PlannedStep(spec, distribution, config.builder("postprocessor", spec))
                for spec, distribution in zip(specs, distributions, strict=True)
            )
        )

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def specs(self) -> list[dict[str, Any]]:
        """Name and options of each step, as JSON."""
        return [dict(step.spec) for step in self.steps]

    def begin(self, forecast: ForecastDescription) -> Chain:
        """Build the steps for a forecast.

        Raises
        ------
        AnemoiError
            If a step cannot be made of what the one before leaves.
        """
        return Chain(self, forecast)


class Chain:
    """The steps on the way from one forecast to one output.

    Parameters
    ----------
    recipe
        The steps.
    forecast
        What is to come.

    Attributes
    ----------
    before, after
        The forecast as it comes, and as it leaves the last step; its provenance then names the steps.

    Raises
    ------
    AnemoiError
        If a step cannot be made of what the one before leaves.
    """

    def __init__(self, recipe: PostProcessing, forecast: ForecastDescription) -> None:
        self._recipe = recipe
        self.before = self.after = forecast
        self._steps: list[tuple[str, PostProcessor, ForecastDescription]] = []
        for planned in recipe.steps:
            step = planned.build(forecast=self.after)
            self.after = _checked(planned.name, self.after, step.after)
            self._steps.append((planned.name, step, self.after))
        if recipe:
            made = [{**step.spec, "distribution": step.distribution} for step in recipe.steps]
            provenance = {**forecast.provenance, "postprocessing": made}
            self.after = replace(self.after, provenance=provenance)

    @property
    def remembers(self) -> bool:
        """Whether a state may depend on those before."""
        return any(step.remembers for _, step, _ in self._steps)

    def again(self) -> Chain:
        """The same chain, which has seen no state."""
        return Chain(self._recipe, self.before)

    def apply(self, state: State) -> State:
        """Give the next state as it leaves the last step.

        Raises
        ------
        PluginError
            If a step fails, or gives something other than it said.
        """
        for name, step, after in self._steps:
            try:
                fields = step.apply(state)
            except AnemoiError:
                raise
            except Exception as error:
                raise PluginError(
                    f"The postprocessor {name!r} failed on the state at {format_duration(state.lead_time)} "
                    f"of the forecast from {format_date(state.start)}: {type(error).__name__}: {error}",
                    fix="This is a fault of the component: tell its authors.",
                ) from error
            shape = (after.members, len(after.grid), len(after.variables))
            if fields.shape != shape or fields.dtype != np.float32:
                raise PluginError(
                    f"The postprocessor {name!r} gives {fields.dtype} of shape {fields.shape}, but announced "
                    f"float32 of shape {shape}.",
                    fix="This is a fault of the component: tell its authors.",
                )
            state = replace(state, fields=fields)
        return state


def _checked(name: str, before: ForecastDescription, after: ForecastDescription) -> ForecastDescription:
    """Check that a step leaves a forecast that can be, and that it is of the same times.

    Raises
    ------
    PluginError
        If not.
    """
    faults = [
        f"another {what}"
        for what in ("start", "domain", "provenance", "frequency")
        if getattr(after, what) != getattr(before, what)
    ]
    if not np.array_equal(after.lead_times, before.lead_times):
        faults.append("other lead times")
    if not after.variables or len(set(after.variables)) != len(after.variables):
        faults.append(f"the variables {', '.join(after.variables) or '(none)'}")
    if strange := ({*after.units, *after.metadata} - {*after.variables}):
        faults.append(f"units or metadata of {', '.join(sorted(strange))}, which it does not have")
    if faults:
        raise PluginError(
            f"The postprocessor {name!r} leaves {', '.join(faults)}.",
            fix="This is a fault of the component: tell its authors.",
        )
    return after


def _installed() -> str:
    names = ", ".join(component.name for component in plugins.components("postprocessor"))
    return f"Installed here: {names or 'none'}."
