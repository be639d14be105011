"""Gaussian noise on the sphere with a given spectrum, on points in any order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import log, pi, sqrt

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

EARTH_RADIUS = 6371.0
"""The mean radius of the Earth in km."""

_LENGTH = re.compile(r"(\d+(?:\.\d+)?) ?km")

SMALLEST_POWER = 1e-6
"""The power, relative to that of degree 0, below which :func:`smooth_spectrum` ends."""


class SphericalNoise:
    """Isotropic Gaussian noise: the covariance of two points depends on the angle between them alone.

    A sum of real spherical harmonics with independent normal coefficients, whose variance at degree ``l`` is
    the power ``C_l``. The noise has mean 0 and variance 1 at every point, and at an angle ``a`` the
    covariance ``sum((2l + 1) C_l P_l(cos a)) / sum((2l + 1) C_l)`` (Marinucci and Peccati, "Random fields on
    the sphere", 2011).

    Legendre functions are kept once for each latitude that occurs, so a grid of rows needs little memory; on
    scattered points it is ``4 x points x degrees² / 2`` bytes.

    Parameters
    ----------
    latitudes, longitudes
        ``(grid,)``, in degrees.
    spectrum
        The power ``C_l`` of a coefficient of each degree, from 0, in any unit: the noise is scaled to
        variance 1.
    device
        Where the noise is computed.

    Raises
    ------
    ConfigError
        If the powers are not finite, negative, or all zero.
    """

    def __init__(
        self,
        latitudes: ArrayLike,
        longitudes: ArrayLike,
        spectrum: Sequence[float] | NDArray[np.float64],
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        powers = check_spectrum(spectrum)
        degrees = np.arange(len(powers))
        amplitudes = np.sqrt(4 * pi * powers / ((2 * degrees + 1) * powers).sum())
        # One metre apart is one latitude: nodes of a mesh differ by rounding.
        rows, row_of = np.unique(np.asarray(latitudes, dtype=np.float64).round(5), return_inverse=True)
        self.degrees, self.device = len(powers), torch.device(device)
        self.functions = [
            torch.from_numpy(values * amplitudes[order:]).float().to(device)
            for order, values in enumerate(_legendre(np.sin(np.deg2rad(rows)), len(powers)))
        ]  # of each order (rows, degrees from the order on)
        self.row_of = torch.from_numpy(row_of.reshape(-1)).to(device)
        self.longitudes = torch.from_numpy(np.deg2rad(np.asarray(longitudes, dtype=np.float64))).to(device)

    def draw(self, generator: torch.Generator, channels: int) -> Tensor:
        """Draw fields that are independent of each other.

        Parameters
        ----------
        generator
            The only source of random numbers.
        channels
            How many.

        Returns
        -------
        Tensor
            ``(grid, channels)`` float32, on the device of this object.
        """
        size = (self.degrees**2, channels)
        return self.synthesise(torch.randn(size, generator=generator, device=generator.device))

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Give the fields of coefficients.

        Parameters
        ----------
        coefficients
            ``(degrees², channels)``, of variance 1: order by order, first those of cosines, then of sines.

        Returns
        -------
        Tensor
            ``(grid, channels)``.
        """
        coefficients = coefficients.to(self.device)
        noise = coefficients.new_zeros(len(self.row_of), coefficients.shape[1])
        start = 0
        for order, functions in enumerate(self.functions):
            angle = (order * self.longitudes)[:, None]
            for wave in (angle.cos(), angle.sin())[: 2 if order else 1]:
                end = start + self.degrees - order
                noise += wave.float() * (functions @ coefficients[start:end])[self.row_of]
                start = end
        return noise


def smooth_spectrum(length_scale: float) -> NDArray[np.float64]:
    """The spectrum of noise whose covariance at a distance ``d`` is ``exp(-d² / 2 length_scale²)``.

    On the sphere that is the heat kernel, ``C_l = exp(-l (l + 1) (length_scale / radius)² / 2)``.

    Parameters
    ----------
    length_scale
        In km.

    Raises
    ------
    ConfigError
        If it is not positive.
    """
    if not length_scale > 0:
        raise ConfigError(
            f"The length scale of noise is {length_scale:g} km.", fix="Choose more than zero: 500 km, say."
        )
    decay = (length_scale / EARTH_RADIUS) ** 2 / 2
    last = int(sqrt(-log(SMALLEST_POWER) / decay))
    degrees = np.arange(last + 1, dtype=np.float64)
    return np.exp(-decay * degrees * (degrees + 1))


def spectrum_of(spectrum: str | Sequence[float]) -> NDArray[np.float64]:
    """The spectrum that an option names: a length (``500km``), or the power of each degree from 0.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if not isinstance(spectrum, str):
        return check_spectrum(spectrum)
    if match := _LENGTH.fullmatch(spectrum):
        return smooth_spectrum(float(match[1]))
    raise ConfigError(
        f"spectrum: {spectrum!r} is none.",
        fix="Choose white, a length such as 500km, or the power of each degree from 0: [1, 1, 0.5].",
    )


def check_spectrum(spectrum: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the powers of a spectrum, ``(degrees,)`` float64.

    Raises
    ------
    ConfigError
        If they are not finite, negative, or all zero.
    """
    powers = np.asarray(spectrum, dtype=np.float64)
    if powers.ndim != 1 or not np.isfinite(powers).all() or (powers < 0).any() or not powers.any():
        raise ConfigError(
            f"spectrum: {powers.tolist()} is no power spectrum.",
            fix="Give one finite power for each degree from 0, none negative and at least one positive.",
        )
    return powers


def _legendre(sines: NDArray[np.float64], degrees: int) -> Iterator[NDArray[np.float64]]:
    """The latitude part of real orthonormal harmonics, order by order, ``(rows, degrees - order)`` each.

    By the recursion over the degree of Holmes and Featherstone (2002), which is stable to high degrees.
    """
    cosines = np.sqrt((1 - sines) * (1 + sines))
    sectoral = np.full_like(sines, sqrt(1 / (4 * pi)))  # of order and degree m
    for m in range(degrees):
        if m:
            sectoral = sectoral * cosines * sqrt(1 + 1 / (2 * m))
        values = np.zeros((len(sines), degrees - m))
        values[:, 0] = sectoral * (sqrt(2) if m else 1)
        if degrees - m > 1:
            values[:, 1] = sqrt(2 * m + 3) * sines * values[:, 0]
        for l in range(m + 2, degrees):  # noqa: E741
            scale = sqrt((2 * l + 1) / ((l - m) * (l + m)))
            near = scale * sqrt(2 * l - 1)
            far = scale * sqrt((l - 1 + m) * (l - 1 - m) / (2 * l - 3))
            values[:, l - m] = near * sines * values[:, l - m - 1] - far * values[:, l - m - 2]
        yield values
