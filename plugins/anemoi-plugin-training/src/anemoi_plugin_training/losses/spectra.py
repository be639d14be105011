"""The spectra of fields, by the transform that suits their grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import floor, pi
from typing import Literal

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from numpy.polynomial import legendre
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Transform = Literal["auto", "zonal", "harmonics"]

_TOLERANCE = 0.01
"""How far a point may lie from its place, in degrees: files give coordinates to two or three decimals."""


class Spectrum(nn.Module, ABC):
    """A transform whose squares add up to the weighted mean of the squares of values, times :attr:`size`.

    Attributes
    ----------
    multiplicity
        How many coefficients each wavenumber stands for, ``(wavenumber,)``.
    """

    multiplicity: Tensor

    @abstractmethod
    def forward(self, field: Tensor, weights: Tensor) -> Tensor:
        """Transform a field.

        Parameters
        ----------
        field
            ``(..., grid, outputs)``.
        weights
            As for :meth:`.Loss.forward`. They multiply the squares of values, so that a cell of weight zero
            is left out.

        Returns
        -------
        Tensor
            Complex, ``(..., coefficient, wavenumber, outputs)``.
        """

    @property
    @abstractmethod
    def size(self) -> float:
        """What the sum of all squares is divided by to be a mean over the globe."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many real numbers it gives that do not follow from others."""


class Zonal(Spectrum):
    """Fourier transforms along the circles of latitude of a regular grid, by zonal wavenumber.

    Parameters
    ----------
    rows, columns
        Of the grid.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.shape = (rows, columns)
        # A real transform gives each pair of conjugate coefficients once; those alone are 0 and Nyquist's.
        multiplicity = torch.full((columns // 2 + 1,), 2.0)
        multiplicity[0] = 1.0
        if columns % 2 == 0:
            multiplicity[-1] = 1.0
        self.register_buffer("multiplicity", multiplicity, persistent=False)

    @property
    def size(self) -> float:
        """See :attr:`.Spectrum.size`."""
        return self.count

    @property
    def count(self) -> int:
        """See :attr:`.Spectrum.count`."""
        return self.shape[0] * self.shape[1]

    def forward(self, field: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Spectrum.forward`."""
        field = weights.sqrt() * field
        rows = field.reshape(*field.shape[:-2], *self.shape, field.shape[-1])
        spectrum: Tensor = torch.fft.rfft(rows, dim=-2, norm="ortho")  # (..., latitude, wavenumber, outputs)
        return spectrum


class Harmonics(Spectrum):
    """Spherical harmonics, by total wavenumber, on any grid whose points lie in whole circles of latitude.

    Regular and reduced Gaussian grids (O96, N320) are such. Coefficients of an order and a degree are
    orthonormal; degrees end where the circles no longer resolve their orders.

    Parameters
    ----------
    circles
        Of the grid.
    """

    functions: Tensor
    taper: Tensor
    turn: Tensor

    def __init__(self, circles: Circles) -> None:
        super().__init__()
        self.counts, self.degrees = circles.counts, circles.degrees
        quadrature = circles.weights  # (rows,), which sum to 2
        functions = _legendre_functions(np.sin(np.deg2rad(circles.latitudes)), self.degrees)
        # Conjugate orders are given once: their two squares are one here, by the root of two.
        functions = functions * np.where(np.arange(self.degrees) > 0, np.sqrt(2), 1.0)[:, None, None]
        weighted = torch.from_numpy(functions * 2 * pi * quadrature).float()
        self.register_buffer("functions", weighted, persistent=False)  # (order, degree, row)
        # The quadrature weighs each value once: what is left to do by weights is to its square.
        shares = np.repeat(2 * pi * quadrature / np.array(self.counts), self.counts)
        taper = torch.from_numpy(4 * pi / (len(shares) * shares)).float()
        self.register_buffer("taper", taper[:, None], persistent=False)  # (grid, 1)
        self.register_buffer("multiplicity", torch.ones(self.degrees), persistent=False)
        turned = np.exp(-1j * np.outer(np.deg2rad(circles.starts), np.arange(self.degrees)))
        self.register_buffer("turn", torch.from_numpy(turned).to(torch.complex64), persistent=False)

    @property
    def size(self) -> float:
        """See :attr:`.Spectrum.size`."""
        return 4 * pi

    @property
    def count(self) -> int:
        """See :attr:`.Spectrum.count`."""
        return self.degrees**2

    def forward(self, field: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Spectrum.forward`."""
        field = (weights * self.taper).sqrt() * field
        waves = []
        rows = torch.split(field, list(self.counts), dim=-2)
        for row, turn in zip(rows, self.turn, strict=True):
            orders = min(self.degrees, (row.shape[-2] + 1) // 2)
            wave = torch.fft.rfft(row, dim=-2, norm="forward")[..., :orders, :] * turn[:orders, None]
            waves.append(functional.pad(wave, (0, 0, 0, self.degrees - orders)))
        stacked = torch.view_as_real(torch.stack(waves, dim=-3))  # (..., row, order, outputs, 2)
        parts = torch.einsum("mlk,...kmop->...mlop", self.functions, stacked)
        return torch.view_as_complex(parts.contiguous())


@dataclass(frozen=True, eq=False)
class Circles:
    """The whole circles of latitude that the points of a grid lie on, two or more on each, one after another.

    Parameters
    ----------
    latitudes
        ``(rows,)``, in degrees, from north to south or from south to north.
    counts
        How many points each has.
    starts
        The longitude of the first point of each, in degrees, in the direction in which points follow.
    """

    latitudes: NDArray[np.float64]
    counts: tuple[int, ...]
    starts: NDArray[np.float64]

    @classmethod
    def of(cls, grid: Grid) -> Circles | None:
        """Find them, or None where the points lie otherwise."""
        first = np.flatnonzero(np.abs(np.diff(grid.latitudes, prepend=np.inf)) > 1e-6)
        counts = np.diff(first, append=len(grid))
        latitudes = grid.latitudes[first]
        steps = np.diff(latitudes)
        if len(latitudes) < 2 or min(counts) < 2 or not ((steps > 0).all() or (steps < 0).all()):
            return None
        second = grid.longitudes[min(1, len(grid) - 1)] - grid.longitudes[0]
        longitudes = grid.longitudes * (1.0 if second % 360.0 <= 180.0 else -1.0)
        for begin, count in zip(first, counts, strict=True):
            places = longitudes[begin : begin + count] - longitudes[begin]
            off = (places - 360.0 / count * np.arange(count) + 180.0) % 360.0 - 180.0
            if np.abs(off).max() > _TOLERANCE:
                return None
        return cls(latitudes, tuple(int(each) for each in counts), longitudes[first])

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each circle in an integral over the sine of the latitude; they sum to 2."""
        rows = len(self.latitudes)
        polynomials = legendre.legvander(np.sin(np.deg2rad(self.latitudes)), rows - 1).T  # (degree, row)
        return np.linalg.solve(polynomials, 2.0 * np.eye(rows)[0])

    @property
    def degrees(self) -> int:
        """How many degrees, from 0, the circles resolve.

        Harmonics of an order are small where the cosine of the latitude is below the order over the degree.
        So a circle must resolve no more orders than the degree times that cosine.
        """
        rows = len(self.latitudes)
        nodes = np.rad2deg(np.arcsin(legendre.leggauss(rows)[0]))
        gaussian = np.abs(np.sort(self.latitudes) - nodes).max() < _TOLERANCE
        exact = 2 * rows - 1 if gaussian else rows - 1
        cosines = np.maximum(np.cos(np.deg2rad(self.latitudes)), 1e-6)
        resolved = float((np.array(self.counts) / (2 * cosines)).min())
        return max(1, min(exact // 2 + 1, floor(resolved + 1e-6)))


def spectrum_of(grid: Grid, transform: Transform, loss: str) -> Spectrum:
    """Choose the transform of a grid.

    Parameters
    ----------
    transform
        ``zonal`` or ``harmonics``; ``auto`` is zonal on a regular grid, and harmonics on a reduced one.
    loss
        Whose, for the error.

    Raises
    ------
    ConfigError
        If the grid has none.
    """
    circles = Circles.of(grid)
    regular = circles is not None and len(set(circles.counts)) == 1
    if circles is not None and regular and transform != "harmonics":
        return Zonal(len(circles.latitudes), circles.counts[0])
    if circles is not None and transform != "zonal" and (circles.weights > 0).all():
        return Harmonics(circles)
    needed = {
        "zonal": "a regular grid of whole circles of latitude",
        "auto": "a regular grid, or a reduced Gaussian one, of whole circles of latitude",
        "harmonics": "whole circles of latitude, Gaussian or equally spaced",
    }
    raise ConfigError(
        f"The loss {loss} needs {needed[transform]}, row by row, and this grid of {len(grid)} points "
        "is none.",
        fix="Choose another loss, loss=mse say, or interpolate the data to such a grid.",
    )


def _legendre_functions(sines: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """The associated Legendre functions of orthonormal harmonics, ``(orders, degrees, rows)``.

    By the recursion over the degree of Holmes and Featherstone, "A unified approach to the Clenshaw summation
    and the recursive computation of very high degree and order normalised associated Legendre functions",
    2002.
    """
    found = np.zeros((degrees, degrees, len(sines)))
    cosines = np.sqrt(1 - sines**2)
    sectoral = np.full(len(sines), np.sqrt(1 / (4 * pi)))
    for m in range(degrees):
        if m:
            sectoral = -np.sqrt(1 + 1 / (2 * m)) * cosines * sectoral
        before, last = np.zeros_like(sines), sectoral
        found[m, m] = last
        for degree in range(m + 1, degrees):
            scale = np.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))
            below = np.sqrt(((degree - 1) ** 2 - m**2) / (4 * (degree - 1) ** 2 - 1))
            before, last = last, scale * (sines * last - below * before)
            found[m, degree] = last
    return found
