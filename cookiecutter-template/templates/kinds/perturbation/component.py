"""The perturbation ``{{ cookiecutter.name }}``."""

from __future__ import annotations

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Analysis, Perturbation
from torch import Tensor


class {{ cookiecutter.__class }}(Perturbation):
    """Adds white noise to all that is prognostic, of the same size at every time that the model is given.

    Parameters
    ----------
    amplitude
        How large it is, in standard deviations of the change from one state to the next.

    Raises
    ------
    ConfigError
        If ``amplitude`` is not above zero.
    """

    def __init__(self, *, amplitude: float = 0.1) -> None:
        if not amplitude > 0:
            raise ConfigError(f"amplitude is {amplitude:g}.", fix="Choose a number above zero, such as 0.1.")
        self._amplitude = amplitude

    def perturbed(self, analysis: Analysis, member: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.perturbed`."""
        states = analysis.at(analysis.start).of(0)
        for name, fields in states.items():
            domain = analysis.model.normalised[name]
            changes = dict(zip(domain.names, domain.changes.stdev.tolist(), strict=True))
            sizes = [changes[each] if each in domain.prognostic else 0.0 for each in domain.inputs]
            shape = (1, 1, *fields.shape[2:])  # (1, 1, 1, grid, inputs): the same at all times
            noise = torch.randn(shape, generator=generator, device=generator.device)
            states[name] = fields + self._amplitude * noise * fields.new_tensor(sizes)
        return analysis.model.enforce_inputs(states)
