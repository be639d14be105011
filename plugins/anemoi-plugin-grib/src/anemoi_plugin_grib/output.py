"""The output ``grib``: a forecast as one file of GRIB 2 messages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import eccodes
import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.outputs import FileOutput
from anemoi.core.trailer import trailer
from annotated_types import Interval
from numpy.typing import NDArray

from .messages import Key, contents, opened, quiet, set_keys
from .parameters import Parameter, parameter
from .templates import Template, from_file, from_grid, from_source

UNITS = (("h", 3600), ("m", 60), ("s", 1))
"""The units of steps, the largest first."""

MISSING = 1e36
"""What stands for a missing value: further from weather than any value is."""


class GribOutput(FileOutput):
    """Writes a forecast as GRIB 2: one message for each time, variable and member, in this order.

    Variables are named as ECMWF does (``2t``, ``t_850``: on a pressure level), or as ``names`` says. A line
    behind the last message says where the forecast comes from; readers of GRIB skip it.

    Parameters
    ----------
    path
        The file to make.
    forecast
        What is to come.
    overwrite
        Whether a file at ``path`` may be replaced.
    bits
        How many bits each value has: values are rounded to 2**-bits of the range of their field.
    packing
        ``ccsds`` compresses without further loss; ``simple`` does not, and every reader knows it.
    keys
        Further keys of each message, set before all others: ``{"centre": "ecmf"}``.
    names
        What GRIB calls variables, where that differs: ``{"t2m": "2t", "z_510": "z_sigma_0.51"}``, or the
        number of a parameter.
    template
        A GRIB file on the same points, whose first message says all that nothing else does: the grid, the
        centre. With it grids can be written that do not follow from their points, such as rotated ones. By
        default it is one that the forecast started from, if that was read from GRIB and has its points.

    Raises
    ------
    DataError
        If ``path`` exists and may not be replaced, or its directory is not there or cannot be written in, or
        GRIB cannot hold the grid or a variable: all of those are named at once.
    """

    def __init__(
        self,
        *,
        path: str,
        forecast: ForecastDescription,
        overwrite: bool = False,
        bits: Annotated[int, Interval(ge=1, le=24)] = 16,
        packing: Literal["ccsds", "simple"] = "ccsds",
        keys: Mapping[str, int | float | str] | None = None,
        names: Mapping[str, str] | None = None,
        template: str | None = None,
    ) -> None:
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)
        names = names or {}
        if strange := [name for name in names if name not in forecast.variables]:
            raise DataError(
                f"The forecast has no {', '.join(strange)} (names).",
                fix=f"It has {', '.join(forecast.variables)}.",
            )
        start = (
            from_source(forecast) or from_grid(forecast.grid)
            if template is None
            else from_file(template, forecast.grid)
        )
        self._heads = _heads(forecast, start, keys or {}, names)
        self._packing: dict[str, Key] = {"packingType": f"grid_{packing}", "bitsPerValue": bits}

    def begin(self, path: Path) -> None:
        """Open the file."""
        self._file = path.open("xb")
        self._hash = hashlib.sha256()

    def add(self, state: State) -> None:
        """Write the messages of one lead time."""
        for column, (head, known) in enumerate(self._heads):
            steps = _steps(state.lead_time, state.lead_time if known.since_start else known.over)
            for member, fields in enumerate(state.fields):
                values = fields[:, column].astype(np.float64) * known.units.factor + known.units.offset
                try:
                    message = self._message(head, steps, member, values)
                except eccodes.CodesInternalError as error:
                    name = self._forecast.variables[column]
                    raise DataError(
                        f"{name} at {state.valid_time} cannot be encoded: {error}. "
                        f"Its values are from {np.nanmin(values):g} to {np.nanmax(values):g}."
                    ) from error
                self._hash.update(message)
                self._file.write(message)

    def _message(
        self, head: bytes, steps: Mapping[str, Key], member: int, values: NDArray[np.float64]
    ) -> bytes:
        with opened(head) as handle:
            set_keys(handle, steps)
            if self._forecast.members > 1:
                set_keys(handle, {"number": member})
            set_keys(handle, self._packing)
            absent = np.isnan(values)
            if absent.any():
                set_keys(handle, {"bitmapPresent": 1, "missingValue": MISSING})
                values = np.where(absent, MISSING, values)
            eccodes.codes_set_values(handle, values)
            return contents(handle)

    def finish(self) -> None:
        """Write where it comes from, and close the file."""
        self._file.write(trailer(self._forecast.provenance, f"sha256:{self._hash.hexdigest()}"))
        self._file.close()

    def abandon(self) -> None:
        """Close the file."""
        self._file.close()


def _heads(
    forecast: ForecastDescription, start: Template, keys: Mapping[str, Key], names: Mapping[str, str]
) -> list[tuple[bytes, Parameter]]:
    """Make a message without values for each variable.

    Raises
    ------
    DataError
        If a variable cannot be encoded.
    """
    heads, faults = [], []
    common = _common(forecast, {**start.keys, **keys})
    for variable in forecast.variables:
        with opened(start.message) as handle, quiet():
            try:
                set_keys(handle, common)
                set_keys(handle, start.grid)
            except eccodes.CodesInternalError as error:
                raise DataError(f"GRIB does not take the keys {dict(keys)}: {error}.") from error
            try:
                known = parameter(handle, forecast.about(variable), names.get(variable), forecast.members)
            except ValueError as fault:
                faults.append(f"{variable} {fault}")
                continue
            if known.over is not None and not known.over:
                if forecast.frequency is None:
                    faults.append(f"{variable} is over a period, and the forecast does not say over which")
                else:
                    known = replace(known, over=forecast.frequency)
            if forecast.members > 1:
                set_keys(
                    handle, {"numberOfForecastsInEnsemble": forecast.members, "typeOfEnsembleForecast": 255}
                )
            heads.append((contents(handle), known))
    if faults:
        raise DataError(
            f"GRIB cannot hold these variables: {'; '.join(faults)}.",
            fix="Say what GRIB calls them (--output-option 'grib.names={t2m: 2t, z_510: z_sigma_0.51}'). "
            'Some parameters are known of one centre alone (--output-option "grib.keys={centre: ecmf}"). '
            "NetCDF and Zarr hold variables of any name and units.",
        )
    return heads


def _common(forecast: ForecastDescription, keys: Mapping[str, Key]) -> dict[str, Key]:
    """What all messages say."""
    start = forecast.start.astype("datetime64[s]").item()
    ensemble = forecast.members > 1
    return {
        **keys,
        "significanceOfReferenceTime": 1,  # the start of a forecast
        "typeOfGeneratingProcess": 4 if ensemble else 2,  # an ensemble forecast, a forecast
        "typeOfProcessedData": "pf" if ensemble else "fc",
        "year": start.year,
        "month": start.month,
        "day": start.day,
        "hour": start.hour,
        "minute": start.minute,
        "second": start.second,
    }


def _steps(lead_time: np.timedelta64, over: np.timedelta64 | None) -> dict[str, Key]:
    """Say how long after the start, and for a period from when on, in the largest units that fit."""
    end = int(lead_time / np.timedelta64(1, "s"))
    begin = end - int(over / np.timedelta64(1, "s")) if over is not None else end
    unit, seconds = next((unit, size) for unit, size in UNITS if begin % size == end % size == 0)
    return {"stepUnits": unit, "startStep": begin // seconds, "endStep": end // seconds}
