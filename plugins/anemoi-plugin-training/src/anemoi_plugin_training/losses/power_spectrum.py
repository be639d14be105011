"""The error of the power spectrum."""

from __future__ import annotations

from anemoi.core.domain import Domain
from torch import Tensor

from ..interfaces.loss import Loss
from .spectra import Transform, spectrum_of
from .spectral import amplitudes


class PowerSpectrumError(Loss):
    """The squared difference of amplitudes at each wavenumber, whatever their phases.

    With P the power of prediction x and truth y at a wavenumber, the sum over all of them of

        (sqrt(P_x) - sqrt(P_y))^2

    which is the part of :class:`.SpectralError` that a forecast of the right spectrum does not pay. It does
    not say where anything is, so that it is mostly one of a combination (``loss=combined``).

    Parameters
    ----------
    domain, transform
        As for :class:`.SpectralError`.

    Raises
    ------
    ConfigError
        If the grid has no such transform.
    """

    def __init__(self, *, domain: Domain, transform: Transform = "auto") -> None:
        super().__init__(domain=domain)
        self.spectrum = spectrum_of(domain.grid, transform, "power-spectrum")

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        amplitude, wanted = (amplitudes(self.spectrum(each, weights)) for each in (prediction, target))
        error = (amplitude - wanted).square() * self.spectrum.multiplicity[:, None]
        return error.sum(dim=-2).mean() / self.spectrum.size
