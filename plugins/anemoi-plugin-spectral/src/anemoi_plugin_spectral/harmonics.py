"""Spherical harmonics: fields to coefficients and back."""

from __future__ import annotations

from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .rows import Rows


class SphericalHarmonics(nn.Module):
    """The transform of real fields on one grid: a Fourier transform of each row, then a quadrature over rows.

    The harmonics are orthonormal, with the phase of Condon and Shortley; the truncation is triangular.
    Where a field has no degree beyond it, the way back gives the field again. Everything is computed in the
    type of the buffers, float32, under autocast too: quadratures lose what is small, and a Fourier transform
    of half precision takes powers of two alone.

    Parameters
    ----------
    rows
        The grid.
    degrees
        How many degrees, from 0, the coefficients have; orders are as many.
    """

    legendre: Tensor
    weights: Tensor

    def __init__(self, rows: Rows, degrees: int) -> None:
        super().__init__()
        self.shape, self.degrees = rows.shape, degrees
        functions = legendre_functions(np.sin(np.deg2rad(rows.latitudes)), degrees)
        # They follow from the grid, so a checkpoint need not keep them.
        self.register_buffer("legendre", torch.from_numpy(functions).float(), persistent=False)
        self.register_buffer("weights", torch.from_numpy(2 * pi * rows.weights).float(), persistent=False)

    def analyse(self, field: Tensor) -> Tensor:
        """Give the coefficients of a field.

        Parameters
        ----------
        field
            ``(batch, rows, columns, channels)``.

        Returns
        -------
        Tensor
            ``(batch, degrees, orders, channels)``, complex; zero where the order is above the degree.
        """
        with torch.autocast(field.device.type, enabled=False):
            field = field.to(self.weights.dtype) * self.weights[:, None, None]
            waves = torch.fft.rfft(field, dim=2, norm="forward")[:, :, : self.degrees]
            return _each_part("mlk,bkmcp->blmcp", self.legendre, waves)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Give the field of coefficients; the imaginary part of those of order 0 has no effect.

        Parameters
        ----------
        coefficients
            ``(batch, degrees, orders, channels)``, complex.

        Returns
        -------
        Tensor
            ``(batch, rows, columns, channels)``.
        """
        with torch.autocast(coefficients.device.type, enabled=False):
            waves = _each_part("mlk,blmcp->bkmcp", self.legendre, coefficients)
            field: Tensor = torch.fft.irfft(waves, n=self.shape[1], dim=2, norm="forward")
        return field


def _each_part(equation: str, real: Tensor, values: Tensor) -> Tensor:
    """Multiply complex values by a real matrix: the real and the imaginary part, as a last axis."""
    return torch.view_as_complex(torch.einsum(equation, real, torch.view_as_real(values)).contiguous())


def legendre_functions(sines: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """The associated Legendre functions, such that harmonics are orthonormal on the sphere.

    From the order upwards, by a recursion over the degree that is stable to thousands of degrees (Holmes and
    Featherstone, "A unified approach to the Clenshaw summation and the recursive computation of very high
    degree and order normalised associated Legendre functions", 2002).

    Parameters
    ----------
    sines
        Of the latitudes, ``(rows,)``.
    degrees
        How many degrees and orders, from 0.

    Returns
    -------
    NDArray
        ``(orders, degrees, rows)`` float64; zero where the order is above the degree.
    """
    functions = np.zeros((degrees, degrees, len(sines)))
    cosines = np.sqrt((1 - sines) * (1 + sines))
    functions[0, 0] = np.sqrt(1 / (4 * pi))
    for order in range(1, degrees):
        functions[order, order] = -np.sqrt(1 + 1 / (2 * order)) * cosines * functions[order - 1, order - 1]
    for degree in range(1, degrees):
        functions[degree - 1, degree] = np.sqrt(2 * degree + 1) * sines * functions[degree - 1, degree - 1]
        m = np.arange(degree - 1, dtype=np.float64)[:, None]  # orders that have two degrees below this one
        scale = np.sqrt((2 * degree + 1) / ((degree - m) * (degree + m)))
        near = scale * np.sqrt(2 * degree - 1)
        far = scale * np.sqrt((degree - 1 + m) * (degree - 1 - m) / max(2 * degree - 3, 1))
        functions[: degree - 1, degree] = (
            near * sines * functions[: degree - 1, degree - 1] - far * functions[: degree - 1, degree - 2]
        )
    return functions
