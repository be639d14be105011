"""The spectra of forecasts beside that of the truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError, RequestError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

from .date_mean import DateMean
from .formulas import area_mean
from .metric import Array, Field
from .metrics import ensemble_mean


class Spectrum(DateMean):
    """Distance of the spectrum of members from that of the truth, in decibels: 0 where all scales are alike.

    It is the root of the mean over wavenumbers of ``(10 log10(P / P_truth))^2``, of powers that are means
    over members and dates: a forecast that is too smooth has too little power at high wavenumbers. Fields
    less their mean are transformed; cells without truth are zero in all of them.

    The transform is that of the spectral losses of anemoi-plugin-training, which must be installed
    (``pip install "anemoi-plugin-verification[training]"``).

    Parameters
    ----------
    domain, lead_times
        As for every :class:`.Metric`.

    Raises
    ------
    RequestError
        If anemoi-plugin-training is not installed.
    ConfigError
        If the grid has no transform: its points lie on no circles of latitude.
    """

    perfect = 0.0
    better = "lower"

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64]) -> None:
        super().__init__(domain=domain, lead_times=lead_times)
        try:
            from .plots.spectra import Spectra
        except ImportError as error:
            raise RequestError(
                "The metric spectrum needs the transforms of anemoi-plugin-training.",
                fix='pip install "anemoi-plugin-verification[training]"',
            ) from error
        grid = domain.grid
        # Rows from north to south, as transforms take them.
        self._order = np.lexsort((grid.longitudes % 360, -grid.latitudes.round(6)))
        spectra = Spectra.of(Grid(grid.latitudes[self._order], grid.longitudes[self._order]))
        if spectra is None:
            raise ConfigError(
                "The metric spectrum is defined on grids of circles of latitude; this one has none.",
                fix="Leave it out.",
            )
        self._spectra, self.axis = spectra, spectra.axis

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """Give the power of members, of the mean and the truth, ``(lead times, outputs, 3, wavenumber)``."""
        kinds = (forecast, ensemble_mean(forecast)[:, None], truth[:, None])
        return np.stack([self._power(fields, truth) for fields in kinds], axis=2)

    def _power(self, fields: Field, truth: Field) -> Array:
        """The mean over members of the power, ``(lead times, outputs, wavenumber)``."""
        where = np.broadcast_to(~np.isnan(truth)[:, None], fields.shape)
        fields = fields.astype(np.float64)
        waves = np.where(where, fields - area_mean(fields, self.areas, where)[:, :, None], 0.0)
        ordered = waves[:, :, self._order].astype(np.float32)
        return np.stack(
            [
                np.stack([self._spectra.power(ordered[lead, ..., v]) for v in range(ordered.shape[-1])])
                for lead in range(len(ordered))
            ]
        )

    def reduce(self, mean: Array) -> Array:
        """Take the distance; NaN where the truth has no waves."""
        members, truth = mean[..., 0, :], mean[..., 2, :]
        ratio = np.divide(members, truth, out=np.full_like(truth, np.nan), where=truth > 0)
        with np.errstate(divide="ignore"):
            decibels = 10 * np.log10(ratio)  # minus infinity of a forecast without waves
        known = ~np.isnan(decibels) | np.isnan(members)
        squares = np.where(known, decibels**2, 0.0).sum(axis=-1)
        count = known.sum(axis=-1)
        mean_square = np.divide(squares, count, out=np.full_like(squares, np.nan), where=count > 0)
        return np.asarray(np.sqrt(mean_square))

    def details(self) -> Mapping[str, Array]:
        """Give the power of ``members``, of their ``mean`` and of the ``truth``, from wavenumber 1."""
        mean = self.over_dates()
        if mean.ndim == 2:
            return {}
        return {name: mean[:, :, k] for k, name in enumerate(("members", "mean", "truth"))}
