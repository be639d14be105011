"""The source ``cds``: reanalyses and more from the Climate Data Store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import ConfigError

from . import retrieving
from .grib import Grib
from .retrieving import cache_directory, client_of, kept, quiet, told
from .source import FieldSource

_SERVICE: Final = "The Climate Data Store"
_FORMAT: Final = {"data_format": "grib", "download_format": "unarchived"}
_LOGGERS: Final = (
    "cdsapi",
    "ecmwf.datastores.legacy_client",
    "ecmwf.datastores",
    "multiurl",
    "multiurl.http",
)


class DataStoreSource(FieldSource):
    """Data of the Climate Data Store, such as ERA5, as GRIB.

    Files are kept in a directory, and downloaded once. Opening the source retrieves all of it. The
    address of the service and the key of the user come from ``CDSAPI_URL`` and ``CDSAPI_KEY`` or
    ``~/.cdsapirc``, never from a configuration: that is kept in every checkpoint.

    Parameters
    ----------
    dataset
        ``reanalysis-era5-pressure-levels``, say.
    requests
        What to take, as the page of the data set shows it (Show API request).
    cache
        The directory to keep files in; ``~/.cache/anemoi/retrieved`` by default.
    rename
        What variables are to be called, by their names with or without a level.

    Raises
    ------
    NotThereError
        If the data are not there (yet), or the service does not answer.
    AbsentError
        If the client is not installed.
    """

    def __init__(
        self,
        *,
        dataset: str,
        requests: list[dict[str, Any]],
        cache: str | None = None,
        rename: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        if not requests:
            raise ConfigError(
                "requests: nothing is asked for.", fix="Copy a request from the data set's page."
            )
        for request in requests:
            for key, value in _FORMAT.items():
                if request.get(key, value) != value:
                    raise ConfigError(
                        f"requests: {key} is {request[key]}, which is not read here.",
                        fix=f"Set {key}: {value}",
                    )
        client = _Client()
        directory = cache_directory(cache)
        files = [_file(client, directory, dataset, {**_FORMAT, **request}) for request in requests]
        super().__init__(Grib(rename or {}), f"{dataset} of the Climate Data Store", files, **options)


def _file(client: _Client, directory: Path, dataset: str, request: Mapping[str, Any]) -> Path:
    about = {"service": "cds", "dataset": dataset, "request": dict(request)}
    return kept(directory, about, lambda path: client.retrieve(dataset, request, path), _SERVICE)


class _Client:
    """The client, made when something has to be retrieved."""

    def __init__(self) -> None:
        self._made: Any = None

    def retrieve(self, dataset: str, request: Mapping[str, Any], path: Path) -> None:
        asked = f"{dataset}, {request.get('date') or '-'.join(_days(request)) or 'as requested'}"
        with quiet(*_LOGGERS), told(_SERVICE, asked):
            self._client().retrieve(dataset, dict(request), str(path))

    def _client(self) -> Any:
        if self._made is None:
            module = client_of("cdsapi", "cds", "cdsapi")
            try:
                self._made = module.Client(
                    quiet=True,
                    progress=False,
                    timeout=retrieving.TIMEOUT,
                    retry_max=retrieving.TRIES,
                    sleep_max=retrieving.WAIT,
                )
            except Exception as error:
                if "configuration file" not in str(error):
                    raise
                raise ConfigError(
                    "There is no key of the Climate Data Store.",
                    fix="Set CDSAPI_URL and CDSAPI_KEY, or write ~/.cdsapirc: "
                    "https://cds.climate.copernicus.eu/how-to-api",
                ) from error
        return self._made


def _days(request: Mapping[str, Any]) -> list[str]:
    """The first date of a request, in words."""
    first = [request.get(key) for key in ("year", "month", "day")]
    return [str(each[0] if isinstance(each, list) and each else each) for each in first if each]
