"""The output ``grib``: a forecast as one file of GRIB 2 messages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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

from .grids import grid_keys
from .messages import Key, contents, opened, set_keys
from .parameters import Parameter, parameter

UNITS = (("h", 3600), ("m", 60), ("s", 1))
"""The units of steps, the largest first."""

MISSING = 1e36
"""What stands for a missing value: further from weather than any value is."""


class GribOutput(FileOutput):
    """Writes a forecast as GRIB 2: one message for each time, variable and member, in this order.

    Variables are named as ECMWF does (``2t``, ``t_850``: on a pressure level). A line behind the last message
    says where the forecast comes from; readers of GRIB skip it.

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
    ) -> None:
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)
        self._heads = _heads(forecast, {"centre": 255, **(keys or {})}, grid_keys(forecast.grid))
        self._packing: dict[str, Key] = {"packingType": f"grid_{packing}", "bitsPerValue": bits}

    def begin(self, path: Path) -> None:
        """Open the file."""
        self._file = path.open("xb")
        self._hash = hashlib.sha256()

    def add(self, state: State) -> None:
        """Write the messages of one lead time."""
        for column, (head, known) in enumerate(self._heads):
            steps = _steps(state.lead_time, self._forecast.frequency if known.accumulated else None)
            for member, fields in enumerate(state.fields):
                values = fields[:, column].astype(np.float64) * known.factor
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
    forecast: ForecastDescription, keys: Mapping[str, Key], grid: Mapping[str, Key]
) -> list[tuple[bytes, Parameter]]:
    """Make a message without values for each variable.

    Raises
    ------
    DataError
        If a variable cannot be encoded.
    """
    start = forecast.start.astype("datetime64[s]").item()
    ensemble = forecast.members > 1
    common: dict[str, Key] = {
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
        **grid,
    }
    heads, faults = [], []
    for variable in forecast.variables:
        with opened() as handle:
            try:
                set_keys(handle, common)
            except eccodes.CodesInternalError as error:
                raise DataError(f"GRIB does not take the keys {dict(keys)}: {error}.") from error
            try:
                known = parameter(handle, variable, forecast.units.get(variable))
            except ValueError as fault:
                faults.append(f"{variable} {fault}")
                continue
            if known.accumulated and forecast.frequency is None:
                faults.append(f"{variable} is over a period, and the forecast does not say over which")
            if ensemble:
                set_keys(handle, _ensemble(known, forecast.members))
            heads.append((contents(handle), known))
    if faults:
        raise DataError(
            f"GRIB cannot hold these variables: {'; '.join(faults)}.",
            fix='Some parameters are known of one centre alone (--output-option "grib.keys={centre: ecmf}"). '
            "NetCDF and Zarr hold variables of any name and units.",
        )
    return heads


def _ensemble(known: Parameter, members: int) -> dict[str, Key]:
    """Say that it is a member, at a time or over a period, by the template of the product definition."""
    return {
        "productDefinitionTemplateNumber": 11 if known.accumulated else 1,
        **known.keys,
        "numberOfForecastsInEnsemble": members,
        "typeOfEnsembleForecast": 255,
    }


def _steps(lead_time: np.timedelta64, over: np.timedelta64 | None) -> dict[str, Key]:
    """Say how long after the start, and for a period from when on, in the largest units that fit."""
    end = int(lead_time / np.timedelta64(1, "s"))
    begin = end - int(over / np.timedelta64(1, "s")) if over is not None else end
    unit, seconds = next((unit, size) for unit, size in UNITS if begin % size == end % size == 0)
    return {"stepUnits": unit, "startStep": begin // seconds, "endStep": end // seconds}
