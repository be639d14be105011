"""The perturbation ``bred``: the changes that grow fastest in forecasts before the start."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from anemoi.core.interfaces import Analysis, Fields, Perturbation
from anemoi.core.steps import Offset
from anemoi_plugin_ensemble.grid_noise import GridNoise
from anemoi_plugin_ensemble.noise import spectrum_of
from pydantic import Field
from torch import Tensor

from .changes import added, check_amplitude, scaled
from .noise import noisy_changes

Count = Annotated[int, Field(ge=1)]


class Bred(Perturbation):
    """Breeds growing modes: the difference of two forecasts, made small again after each step of the model.

    It begins with noise ``cycles`` steps before the start. At each step two forecasts are made, from the
    analysis and from the analysis with the difference so far, and their difference, scaled to the amplitude,
    goes to the next analysis (Toth and Kalnay, "Ensemble forecasting at NMC: the generation of
    perturbations", 1993, and "Ensemble forecasting at NCEP and the breeding method", 1997). Members come in
    pairs: the first adds the difference, the second subtracts it.

    Parameters
    ----------
    amplitude
        The root mean square of a perturbation over points, times and prognostic variables, each in standard
        deviations of its change from one state to the next.
    cycles
        How many steps to breed for.
    spectrum
        Of the noise at the beginning, as for :class:`.Gaussian`.

    Raises
    ------
    ConfigError
        If the amplitude is not above zero, or the spectrum is not one.
    """

    def __init__(
        self, *, amplitude: float = 0.3, cycles: Count = 8, spectrum: str | list[float] = "500km"
    ) -> None:
        self._amplitude, self._cycles = check_amplitude(amplitude), cycles
        self._noise = GridNoise(spectrum_of(spectrum))

    def starts(self, step: Offset, members: int) -> tuple[Offset, ...]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.starts`."""
        return tuple(-cycle * step for cycle in range(self._cycles, 0, -1))

    def perturbed(self, analysis: Analysis, member: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.perturbed`."""
        first = member - (member % 2 == 0)
        vector = self.vector(analysis, analysis.numbers_of(first))
        changes = vector if member == first else {name: -each for name, each in vector.items()}
        return added(analysis.model, analysis.at(analysis.start).of(0), changes)

    def vector(self, analysis: Analysis, generator: torch.Generator) -> dict[str, Tensor]:
        """Breed a vector until the start.

        Returns
        -------
        dict
            ``(1, time in, 1, grid, inputs)`` by domain, normalised; zero for forcings.

        Raises
        ------
        DataError
            If a difference dies out, or does not stay finite.
        """
        domains = analysis.model.normalised
        chosen = {name: list(domain.prognostic) for name, domain in domains.items()}
        noise = noisy_changes(self._noise, analysis, generator, 1.0, chosen)
        changes = scaled(domains, noise, self._amplitude)
        for cycle in range(self._cycles, 0, -1):
            date = analysis.start - cycle * analysis.step
            changes = scaled(domains, _grown(analysis, date, changes, generator), self._amplitude)
        return changes


def _grown(
    analysis: Analysis, date: np.datetime64, changes: Fields, generator: torch.Generator
) -> dict[str, Tensor]:
    """What becomes of changes of the state at ``date`` after one step, of the inputs of the next."""
    model = analysis.model
    state = generator.get_state()
    control, changed = analysis.at(date), analysis.at(date)
    control.add(0, model.advance(control.of(0), generator))
    generator.set_state(state)  # Both draw the same numbers, so that what differs is due to the change.
    changed.add(0, model.advance(added(model, changed.of(0), changes), generator))
    after, before = changed.of(1), control.of(1)
    found = {}
    for name, steps in model.steps.items():
        found[name] = after[name] - before[name]
        for place, offset in enumerate(steps.inputs):
            time = steps.step + offset
            if time in steps.inputs and time not in steps.outputs:
                # Given to both forecasts, and still changed as it was.
                known = changes[name].expand_as(found[name])
                found[name][:, place] = known[:, steps.inputs.index(time)]
    return found
