"""The rows of latitudes and columns of longitudes that a spherical harmonic transform needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from numpy.polynomial import legendre
from numpy.typing import NDArray

TOLERANCE: Final = 0.01
"""How far, in degrees, a latitude may lie from its place: files give it to two or three decimals."""

NEEDED: Final = (
    "A spherical harmonic transform needs a full Gaussian grid, or equally spaced latitudes with or without "
    "the poles, with equally spaced longitudes around the globe. Regrid the data to one, "
    "or choose a model that is built on a graph."
)


@dataclass(frozen=True, eq=False)
class Rows:
    """A grid of the globe whose values lie in rows of equal latitude, as a quadrature takes them.

    Where its columns begin, and whether they go east or west, does not matter to the transform: it
    only turns or mirrors the coefficients of all fields alike.

    Parameters
    ----------
    latitudes
        Of the rows, ``(rows,)``, in degrees, from north to south or from south to north.
    columns
        How many points each row has.
    exact
        The highest degree of polynomials in the sine of the latitude that the quadrature integrates exactly.
    """

    latitudes: NDArray[np.float64]
    columns: int
    exact: int

    @classmethod
    def gaussian(cls, rows: int, columns: int) -> Rows:
        """A full Gaussian grid, from north to south: latitudes at the roots of a Legendre polynomial."""
        return cls(_gaussian(rows), columns, 2 * rows - 1)

    @classmethod
    def of(cls, grid: Grid, domain: str) -> Rows:
        """Find the rows of a grid.

        Parameters
        ----------
        grid
            The points.
        domain
            Whose they are, for the error.

        Raises
        ------
        ConfigError
            If it is no grid of the globe that a quadrature is known for.
        """
        if (axes := grid.axes) is None:
            raise _refused(domain, f"has {len(grid)} points that do not lie in rows and columns")
        latitudes, longitudes = axes
        steps = np.abs(
            np.diff(longitudes, append=longitudes[0] + 360.0 * np.sign(longitudes[-1] - longitudes[0]))
        )
        if not np.allclose(steps, 360.0 / len(longitudes), rtol=0, atol=TOLERANCE):
            between = f"from {longitudes.min():g}° to {longitudes.max():g}°"
            raise _refused(domain, f"has {len(longitudes)} longitudes {between}")
        rows = len(latitudes)
        known = (
            (_gaussian(rows), 2 * rows - 1),
            (np.linspace(90.0, -90.0, rows), rows - 1),  # Clenshaw-Curtis
            (90.0 - 180.0 * (np.arange(rows) + 0.5) / rows, rows - 1),  # Fejér's first rule
        )
        towards = -np.sign(latitudes[-1] - latitudes[0])  # 1 from north to south
        away = [float(np.abs(towards * nodes - latitudes).max()) for nodes, _ in known]
        nodes, exact = known[int(np.argmin(away))]
        if min(away) > TOLERANCE:
            between = f"from {latitudes.min():g}° to {latitudes.max():g}°"
            raise _refused(
                domain, f"has {rows} latitudes {between}, neither Gaussian nor equally spaced over the globe"
            )
        return cls(towards * nodes, len(longitudes), exact)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self.latitudes), self.columns

    @property
    def degrees(self) -> int:
        """How many degrees, from 0, the transform of a field gives exactly: a triangular truncation.

        The product of two harmonics of degree ``degrees - 1`` is integrated exactly, and no order lies at
        half the number of columns or above, where it would alias to a lower one.
        """
        return min(self.exact // 2 + 1, (self.columns + 1) // 2)

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each row in an integral over the sine of the latitude, ``(rows,)``; they sum to 2.

        Those that integrate all polynomials of degree ``rows - 1``: of Gauss, of Clenshaw and Curtis or of
        Fejér (Waldvogel, "Fast construction of the Fejér and Clenshaw-Curtis quadrature rules", 2006).
        """
        rows = len(self.latitudes)
        polynomials = legendre.legvander(np.sin(np.deg2rad(self.latitudes)), rows - 1).T  # (degree, row)
        return np.linalg.solve(polynomials, 2.0 * np.eye(rows)[0])


def _gaussian(rows: int) -> NDArray[np.float64]:
    return np.rad2deg(np.arcsin(legendre.leggauss(rows)[0][::-1]))


def _refused(domain: str, what: str) -> ConfigError:
    return ConfigError(f"The grid of {domain} {what}.", fix=NEEDED)
