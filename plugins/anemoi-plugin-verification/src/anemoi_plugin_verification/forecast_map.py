"""One map of a forecast file."""

from __future__ import annotations

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_duration, parse_date, parse_duration

from .fields import read_fields
from .maps import png, single
from .raster import Raster
from .units import display_unit, in_hours, in_words, long_name


def forecast_map(
    source: DataSource,
    start: str | None = None,
    *,
    variable: str | None = None,
    lead_time: str | None = None,
) -> bytes:
    """Draw one variable of a forecast at one lead time, as PNG.

    Parameters
    ----------
    source
        The forecast.
    start
        When it starts; by default one step before its first state.
    variable
        By default the first.
    lead_time
        By default the last.

    Raises
    ------
    AnemoiError
        If it has no such variable or lead time, or a value is infinite.
    """
    began = source.times[0] - source.frequency if start is None else parse_date(start)
    leads = source.times - began
    lead = leads[-1] if lead_time is None else parse_duration(lead_time)
    if lead not in leads:
        raise DataError(
            f"The forecast has no state at {format_duration(lead)}.",
            fix=f"Its lead times are {', '.join(format_duration(each) for each in leads)}.",
        )
    name = source.variables[0] if variable is None else variable
    field = read_fields(source, [name], [began + lead], may_be_missing=[name])[0, :, 0]
    unit = display_unit(source.units.get(name))
    title = f"{long_name(name)}, {in_hours(lead)} forecast"
    times = f"from {in_words(began)}, valid {in_words(np.datetime64(began + lead))}"
    return png(single(Raster(source.grid), field * unit.factor, title, times, unit.label), dpi=150)
