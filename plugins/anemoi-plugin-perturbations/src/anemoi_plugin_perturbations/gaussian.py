"""The perturbation ``gaussian``: noise with a spectrum on the initial state."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Analysis, Perturbation
from anemoi.core.model import ForecastModel
from anemoi_plugin_ensemble.grid_noise import GridNoise
from anemoi_plugin_ensemble.noise import spectrum_of
from torch import Tensor

from .changes import added, check_amplitude
from .noise import noisy_changes


class Gaussian(Perturbation):
    """Adds isotropic Gaussian noise, independent for each variable and level.

    All times that a model is given change alike, so that the change that it sees is that of the analysis.

    Parameters
    ----------
    amplitude
        The standard deviation of the noise, in those of the change from one state to the next.
    spectrum
        A length ``L``, ``500km``, over which noise resembles itself: its covariance at a distance ``d`` is
        ``exp(-d² / 2 L²)``; or the power of a spherical harmonic of each degree from 0, in any unit.
    variables
        Which variables change, by name or pattern (``t_*``); all that are prognostic if None.

    Raises
    ------
    ConfigError
        If the amplitude is not above zero, or the spectrum is not one.
    """

    def __init__(
        self,
        *,
        amplitude: float = 0.3,
        spectrum: str | list[float] = "500km",
        variables: list[str] | None = None,
    ) -> None:
        self._amplitude = check_amplitude(amplitude)
        self._noise = GridNoise(spectrum_of(spectrum))
        self._variables = variables

    def perturbed(self, analysis: Analysis, member: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.perturbed`.

        Raises
        ------
        ConfigError
            If a name or pattern fits no prognostic variable.
        """
        chosen = _chosen(analysis.model, ["*"] if self._variables is None else self._variables)
        changes = noisy_changes(self._noise, analysis, generator, self._amplitude, chosen)
        return added(analysis.model, analysis.at(analysis.start).of(0), changes)


def _chosen(model: ForecastModel, patterns: Sequence[str]) -> dict[str, list[str]]:
    """The prognostic variables of each domain that fit a pattern, as the network names them."""
    prognostic = {name: domain.prognostic for name, domain in model.domains.items()}
    every = [variable for names in prognostic.values() for variable in names]
    for pattern in patterns:
        if not any(fnmatchcase(variable, pattern) for variable in every):
            raise ConfigError(
                f"No prognostic variable of the checkpoint is called {pattern}.",
                fix=f"There are: {', '.join(every)}.",
            )
    return {
        name: [
            renamed
            for variable in names
            if any(fnmatchcase(variable, pattern) for pattern in patterns)
            for renamed in model.chain(name).renamed([variable])
        ]
        for name, names in prognostic.items()
    }
