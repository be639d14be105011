"""The continuous ranked probability score of the coefficients of a spectrum."""

from __future__ import annotations

import torch
from anemoi.core.domain import Domain
from torch import Tensor

from .over_members import OverMembers
from .spectra import Transform, spectrum_of


class SpectralCRPS(OverMembers):
    """The almost fair CRPS of each coefficient of a spectrum, real and imaginary part.

    The CRPS in each cell does not see whether members have the right waves: noise of the right size in each
    cell will do. A score of coefficients judges each scale by itself (Bonev et al., "FourCastNet 3",
    arXiv:2507.12144, 2025), so that members have the spectrum of the truth. It is the mean over coefficients,
    in a unit in which that of white noise is the CRPS in each cell; where most of a field is in large waves
    it is smaller. Add it to ``crps`` with ``combined``.

    Weights multiply values before the transform: a cell of weight zero is left out, a cell counts by the root
    of its weight in the mean over cells, and variables and lead times count by their mean weight.

    Parameters
    ----------
    domain, alpha
        As for ``crps``.
    transform
        ``zonal``, ``harmonics``, or ``auto``: zonal on a regular grid, harmonics on a reduced Gaussian one.

    Raises
    ------
    ConfigError
        If ``alpha`` is not within [0, 1], or the grid has no such transform.
    """

    def __init__(self, *, domain: Domain, alpha: float = 0.95, transform: Transform = "auto") -> None:
        super().__init__(domain=domain, alpha=alpha)
        self.spectrum = spectrum_of(domain.grid, transform, "spectral-crps")

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        # The transform takes the root of weights, but a score is of the size of values, not of their squares.
        weights = weights * weights.mean(dim=3, keepdim=True)
        score = self.crps(self._parts(prediction, weights), self._parts(target, weights))
        total = score.sum(dim=(-4, -3, -1))  # over coefficients and their parts
        value: Tensor = total.mean() / (self.spectrum.size * self.spectrum.count) ** 0.5
        return value

    def _parts(self, field: Tensor, weights: Tensor) -> Tensor:
        """Coefficients of an orthonormal basis, ``(..., coefficient, wavenumber, outputs, part)``."""
        spectrum = self.spectrum(field, weights) * self.spectrum.multiplicity[:, None].sqrt()
        return torch.view_as_real(spectrum)
