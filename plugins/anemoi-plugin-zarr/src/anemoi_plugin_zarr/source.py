"""The source ``zarr``: data sets in the layout of anemoi-datasets, and stores of fields along dimensions."""

from __future__ import annotations

from typing import Any

from anemoi.core.errors import ConfigError

from .dataset import Dataset
from .gridded import Gridded, is_gridded
from .reader import Reader
from .store import open_group
from .views.period import require_duration
from .views.selection import Selection


class ZarrSource(Selection):
    """A Zarr store in a directory, a zip file or an object store, in either of two layouts.

    It is a data set of anemoi-datasets, or a store of fields along dimensions of time, level, latitude and
    longitude as xarray writes them, such as those of WeatherBench 2 and ARCO-ERA5; the store tells which.
    It may be pickled, and used after a fork: each process opens the store for itself.

    Parameters
    ----------
    path
        Where the data are; ``s3://bucket/name.zarr`` for those in an object store.
    base
        Of several forecasts in a store of fields the one to take, by its start: ``2020-01-01T06``, or
        ``latest``.
    step
        Of several forecasts in a store of fields the lead time to take of each: ``24h``.
    members
        Of an ensemble in a store of fields the numbers of the members to take, in this order.
    level_type
        What the levels of a store of fields are, where it does not say: ``pressure``, ``model``, ...
    periods
        What time sums, means and extremes in a store of fields are over, where it does not say:
        ``{tp: 1h}``.

    Raises
    ------
    NotThereError
        If it is not there.
    DataError
        If it is not whole, or what it holds is not clear: it names the array or the attribute that is
        wrong. Opening reads and checks everything but the data.
    """

    def __init__(
        self,
        *,
        path: str,
        base: str | None = None,
        step: str | None = None,
        members: list[int] | None = None,
        level_type: str | None = None,
        periods: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        of_fields = {
            "base": base,
            "step": step,
            "members": members,
            "level_type": level_type,
            "periods": periods,
        }
        super().__init__(_reader(path, of_fields, options.get("frequency")), **options)

    @classmethod
    def check_options(cls, *, periods: dict[str, str] | None = None, **others: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        super().check_options(**others)
        for name, period in (periods or {}).items():
            require_duration(f"periods.{name}", period)


def _reader(path: str, of_fields: dict[str, Any], frequency: str | None) -> Reader:
    group = open_group(path)
    if is_gridded(group):
        return Gridded(path, frequency=frequency, **of_fields)
    if given := [name for name, value in of_fields.items() if value is not None]:
        raise ConfigError(
            f"{path} is a data set of anemoi-datasets, in which {', '.join(given)} choose nothing.",
            fix="Leave them out.",
        )
    return Dataset(path, group)
