"""The error of amplitude and phase at each zonal wavenumber."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from torch import Tensor

from ..interfaces.loss import Loss

_FLOOR = 1e-6
"""What is added to the power of each wavenumber, so that its root has a gradient where there is no power."""


class SpectralError(Loss):
    """A mean squared error that does not reward a forecast for being too smooth.

    The squared error at a wavenumber k is that of the amplitude and that of the phase, with P the power of
    prediction x and truth y, C their covariance:

        (sqrt(P_x) - sqrt(P_y))^2 + 2 sqrt(P_x P_y) (1 - C / sqrt(P_x P_y))

    Where the phase is uncertain, a smaller amplitude makes the second term smaller, so that a forecast loses
    its small scales. With max(P_x, P_y) in place of sqrt(P_x P_y) it does not (Subich et al., "Fixing the
    double penalty in data-driven weather forecasting through a modified spherical harmonic loss function",
    arXiv:2501.19374, 2025). There k is the total wavenumber; here it is the zonal one, by Fourier transforms
    along circles of latitude, and P and C are weighted means over all of them. For a forecast of the right
    amplitudes it equals the mean squared error.

    Weights multiply the squares of values before the transform, so that a cell of weight zero is left out.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`, on a regular grid of whole circles of latitude.

    Raises
    ------
    ConfigError
        If the grid is another.
    """

    multiplicity: Tensor

    def __init__(self, *, domain: Domain) -> None:
        super().__init__(domain=domain)
        axes = domain.grid.axes
        if axes is None or not np.allclose(np.abs(np.diff(axes[1])), 360 / len(axes[1]), rtol=0, atol=1e-3):
            raise ConfigError(
                "The loss spectral needs a regular grid of whole circles of latitude, row by row, and this "
                f"grid of {len(domain.grid)} points is none.",
                fix="Choose another loss, loss=mse say, or interpolate the data to such a grid.",
            )
        self.shape = (len(axes[0]), len(axes[1]))
        columns = self.shape[1]
        # A real transform gives each pair of conjugate coefficients once; those alone are 0 and Nyquist's.
        multiplicity = torch.full((columns // 2 + 1,), 2.0)
        multiplicity[0] = 1.0
        if columns % 2 == 0:
            multiplicity[-1] = 1.0
        self.register_buffer("multiplicity", multiplicity, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        taper = weights.sqrt()
        forecast, truth = self._spectrum(taper * prediction), self._spectrum(taper * target)
        amplitude = (_power(forecast) + _FLOOR).sqrt()  # (batch, time, ensemble, wavenumber, outputs)
        wanted = (_power(truth) + _FLOOR).sqrt()
        of_amplitude = (amplitude - wanted).square()
        # From the difference of the spectra, because 1 - C / sqrt(P_x P_y) would lose its digits near zero.
        of_phase = (_power(forecast - truth) - of_amplitude).clamp(min=0)
        ratio = torch.maximum(amplitude, wanted) / torch.minimum(amplitude, wanted)
        error = (of_amplitude + ratio * of_phase) * self.multiplicity[:, None]
        return error.sum(dim=-2).mean() / (self.shape[0] * self.shape[1])

    def _spectrum(self, field: Tensor) -> Tensor:
        """From ``(..., grid, outputs)`` to ``(..., latitude, wavenumber, outputs)``."""
        rows = field.reshape(*field.shape[:-2], *self.shape, field.shape[-1])
        spectrum: Tensor = torch.fft.rfft(rows, dim=-2, norm="ortho")
        return spectrum


def _power(spectrum: Tensor) -> Tensor:
    """The power at each wavenumber, summed over circles of latitude."""
    return (spectrum.real.square() + spectrum.imag.square()).sum(dim=-3)
