"""The error of amplitude and phase at each wavenumber."""

from __future__ import annotations

import torch
from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss
from .spectra import Transform, spectrum_of

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
    arXiv:2501.19374, 2025). There k is the total wavenumber, as with ``transform: harmonics``. On a regular
    grid it is the zonal one unless told otherwise, by Fourier transforms along circles of latitude, and P and
    C are weighted means over all of them. For a forecast of the right amplitudes it equals the mean squared
    error.

    Weights multiply the squares of values before the transform, so that a cell of weight zero is left out.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`, on a grid that has the transform.
    transform
        ``zonal``, ``harmonics``, or ``auto``: zonal on a regular grid, harmonics on a reduced Gaussian one.

    Raises
    ------
    ConfigError
        If the grid has no such transform.
    """

    def __init__(self, *, domain: Domain, transform: Transform = "auto") -> None:
        super().__init__(domain=domain)
        self.spectrum = spectrum_of(domain.grid, transform, "spectral")

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        forecast, truth = self.spectrum(prediction, weights), self.spectrum(target, weights)
        amplitude = amplitudes(forecast)  # (batch, time, ensemble, wavenumber, outputs)
        wanted = amplitudes(truth)
        of_amplitude = (amplitude - wanted).square()
        # From the difference of the spectra, because 1 - C / sqrt(P_x P_y) would lose its digits near zero.
        of_phase = (_power(forecast - truth) - of_amplitude).clamp(min=0)
        ratio = torch.maximum(amplitude, wanted) / torch.minimum(amplitude, wanted)
        error = (of_amplitude + ratio * of_phase) * self.spectrum.multiplicity[:, None]
        return error.sum(dim=-2).mean() / self.spectrum.size


def amplitudes(spectrum: Tensor) -> Tensor:
    """The root of the power at each wavenumber: ``(..., wavenumber, outputs)``."""
    return (_power(spectrum) + _FLOOR).sqrt()


def _power(spectrum: Tensor) -> Tensor:
    """The power at each wavenumber, summed over its coefficients."""
    return (spectrum.real.square() + spectrum.imag.square()).sum(dim=-3)
