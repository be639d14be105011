"""The objective ``stochastic-interpolant``: a random way from state to state, whose drift is learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .generative import Generative, mixed, scaled
from .units import states_of

if TYPE_CHECKING:
    from anemoi.core.interfaces import Criterion, Fields
    from anemoi.core.model import ForecastModel, Sample

Drift = Callable[["Fields", float], "Fields"]


class StochasticInterpolant(Generative):
    """Learns the drift of a random way from the last state to the next.

    With ``y`` the change from the one to the other, in units of its standard deviation, and ``W`` a Wiener
    process, the way is ``I(t) = t² y + amplitude (1 - t) W(t)`` for ``t`` from 0 to 1. The network learns its
    drift ``b``, the mean of ``2 t y - amplitude W(t)`` given ``I(t)`` and the last states (Chen et al.,
    "Probabilistic forecasting with stochastic interpolants and Föllmer processes", 2024; Albergo et al.,
    "Stochastic interpolants", 2023). Diagnostic variables begin at their mean. The loss must be squared
    (``loss=mse``); some of it remains whatever the network, because the drift is a mean.

    Parameters
    ----------
    amplitude
        How large the noise of the way is, in standard deviations of the change.
    sampler
        ``euler-maruyama`` follows the stochastic equation, asking the network once a step; ``ode`` the
        equation without noise that has the same distribution at each time, by Heun's method, asking it twice.
    sampler_steps
        In how many steps a forecast goes the way.
    noise_spectrum
        Of the noise. ``white``: independent at each point; a length, ``500km``: alike at less than that; or
        the power of each degree from 0.
    input_steps, output_steps, lead_time
        Those of the rollout.

    Raises
    ------
    ConfigError
        If the spectrum is none.
    """

    def __init__(
        self,
        *,
        amplitude: Annotated[float, Field(gt=0)] = 1.0,
        sampler: Literal["euler-maruyama", "ode"] = "euler-maruyama",
        sampler_steps: Annotated[int, Field(ge=1)] = 20,
        noise_spectrum: str | Sequence[float] = "white",
        input_steps: int = 2,
        output_steps: int = 1,
        lead_time: str | None = None,
    ) -> None:
        super().__init__(
            noise_spectrum=noise_spectrum,
            input_steps=input_steps,
            output_steps=output_steps,
            lead_time=lead_time,
        )
        self.amplitude, self.sampler, self.sampler_steps = amplitude, sampler, sampler_steps

    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.objective.Objective.loss`."""
        losses = []
        for step in range(sample.count):
            inputs, states = sample.inputs(step), sample.outputs(step)
            units = self._units(model, inputs)
            drawn = self._drawn(model, units, generator)
            some = next(iter(drawn.values()))
            time = torch.rand(len(some), generator=generator, device=generator.device).to(some)  # (batch,)
            wide = time.view(-1, 1, 1, 1, 1)
            on_the_way, slopes = {}, {}
            for name, each in units.items():
                change, wiener = each.of(states[name]), self.amplitude * wide.sqrt() * drawn[name]
                on_the_way[name] = wide**2 * change + (1 - wide) * wiener
                slopes[name] = 2 * wide * change - wiener
            found = self._asked(model, inputs, on_the_way, time)
            # As states, because criteria weigh errors of states.
            losses.append(criterion(states_of(units, found), states_of(units, slopes), step=step))
        return torch.stack(losses)

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        units = self._units(model, inputs)
        drift, draw = partial(self._asked, model, inputs), partial(self._drawn, model, units, generator)
        way = _stochastic if self.sampler == "euler-maruyama" else _deterministic
        return model.enforce(states_of(units, way(drift, draw, self.amplitude, self.sampler_steps)))


def _stochastic(drift: Drift, draw: Callable[[], Fields], amplitude: float, steps: int) -> Fields:
    """Follow ``dX = b dt + amplitude (1 - t) dW`` from zero, by the method of Euler and Maruyama."""
    fields: Fields = scaled(0.0, draw())
    for number in range(steps):
        time = number / steps
        moved = mixed(1.0, fields, 1 / steps, drift(fields, time))
        fields = mixed(1.0, moved, amplitude * (1 - time) / sqrt(steps), draw())
    return fields


def _deterministic(drift: Drift, draw: Callable[[], Fields], amplitude: float, steps: int) -> Fields:
    """Follow the equation without noise that has the distribution of the way, by Heun's method.

    It is ``dX = (b - (amplitude (1 - t))² score / 2) dt``. The score follows from the drift (Chen et al.
    2024): the way has ``amplitude W = (t b - 2 X) / (t - 2)`` on average, and the score is
    ``-W / (amplitude (1 - t) t)``. It has no bounds at the beginning. But ``X / r`` has a bounded slope in
    ``r``, the root of time: ``((3 - t) b - X) / (2 - t)``. So that is followed.
    """
    fields: Fields = scaled(amplitude, draw())
    for number in range(steps):
        begin = _slope(drift, fields, number / steps)
        ahead = mixed(1.0, fields, 1 / steps, begin)
        end = _slope(drift, ahead, (number + 1) / steps)
        fields = mixed(1.0, fields, 0.5 / steps, mixed(1.0, begin, 1.0, end))
    return fields


def _slope(drift: Drift, fields: Fields, root: float) -> Fields:
    """The slope of ``fields``, which are ``X / root``, at a root of time."""
    time, place = root**2, scaled(root, fields)
    return mixed((3 - time) / (2 - time), drift(place, time), -1 / (2 - time), place)
