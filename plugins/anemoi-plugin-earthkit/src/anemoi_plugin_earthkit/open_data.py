"""The source ``ecmwf-open-data``: the open forecasts of ECMWF."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.errors import ConfigError
from anemoi.core.times import format_date, parse_dates

from . import retrieving
from .grib import Grib
from .retrieving import cache_directory, client_of, kept, quiet, told
from .source import FieldSource

_SERVERS: Final = ("ecmwf", "aws", "azure", "google")
_LOGGERS: Final = (
    "ecmwf.opendata",
    "ecmwf.opendata.client",
    "ecmwf.opendata.utils",
    "multiurl",
    "multiurl.http",
)


class OpenDataSource(FieldSource):
    """The open forecasts of ECMWF, from its own server or one of the clouds that have them.

    Files are kept in a directory, and downloaded once. Opening the source retrieves all of it.

    Parameters
    ----------
    date
        When the forecasts begin: ``2026-03-01T00``, a range ``FIRST/LAST/INTERVAL``, or ``latest``.
    requests
        What to take of each, as MARS has it: ``[{levtype: pl, param: [t, gh], levelist: [850, 500]},
        {levtype: sfc, param: [2t]}]``.
    server
        ``ecmwf``, ``aws``, ``azure``, ``google``, or an address.
    model
        ``ifs``, ``aifs-single`` or ``aifs-ens``.
    resol
        The resolution: ``0p25``.
    cache
        The directory to keep files in; ``~/.cache/anemoi/retrieved`` by default.
    rename
        What variables are to be called, by their names with or without a level.

    Raises
    ------
    NotThereError
        If a forecast is not there (yet), or the server does not answer.
    AbsentError
        If the client is not installed.
    """

    def __init__(
        self,
        *,
        date: str,
        requests: list[dict[str, Any]],
        server: str = "ecmwf",
        model: str = "ifs",
        resol: str = "0p25",
        cache: str | None = None,
        rename: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        if not requests:
            raise ConfigError("requests: nothing is asked for.", fix="requests=[{param: [2t, msl]}]")
        if server not in _SERVERS and not server.startswith(("http://", "https://")):
            raise ConfigError(
                f"server: there is no {server!r}.", fix=f"Known are {', '.join(_SERVERS)}, and addresses."
            )
        if strange := sorted({"date", "time", "target"} & {key for request in requests for key in request}):
            raise ConfigError(
                f"requests: {', '.join(strange)} are not given there.", fix="Say when with date=2026-03-01T00"
            )
        service = "ECMWF open data" if server in _SERVERS else f"ECMWF open data at {server}"
        asking = _Asking(server, model, resol, cache_directory(cache), service)
        dates = [asking.latest(requests)] if date == "latest" else parse_dates(date)
        files = [asking.file(each, request) for each in dates for request in requests]
        super().__init__(Grib(rename or {}), service, files, **options)


class _Asking:
    """Retrieves what is not kept yet."""

    def __init__(self, server: str, model: str, resol: str, cache: Path, service: str) -> None:
        self._about = {"service": "ecmwf-open-data", "server": server, "model": model, "resol": resol}
        self._cache, self._service = cache, service
        self._made: Any = None

    def latest(self, requests: list[dict[str, Any]]) -> np.datetime64:
        """When the latest forecast began for which all that is asked for is there."""
        with quiet(*_LOGGERS), told(self._service, "the last two days"):
            found = [self._client().latest(dict(request)) for request in requests]
        return np.datetime64(min(found), "s")

    def file(self, date: np.datetime64, request: Mapping[str, Any]) -> Path:
        """The file of one forecast that answers a request."""

        def retrieve(path: Path) -> None:
            began: datetime = date.astype("datetime64[s]").item()
            when = {"date": began.strftime("%Y%m%d"), "time": began.hour}
            with quiet(*_LOGGERS), told(self._service, format_date(date)):
                self._client().retrieve({**request, **when}, str(path))

        about = {**self._about, "date": format_date(date), "request": dict(request)}
        return kept(self._cache, about, retrieve, self._service)

    def _client(self) -> Any:
        if self._made is None:
            module = client_of("ecmwf.opendata", "open-data", "ecmwf-opendata")
            server, model, resol = (self._about[name] for name in ("server", "model", "resol"))
            self._made = module.Client(
                source=server,
                model=model,
                resol=resol,
                preserve_request_order=True,
                maximum_retries=retrieving.TRIES,
                retry_after=retrieving.WAIT,
                use_server_retry_after=False,
            )
            # By itself the client would wait for an answer for ever.
            session = self._made.session
            session.request = partial(session.request, timeout=retrieving.TIMEOUT)
        return self._made
