"""Downloads from a service: each file once, and a clear error where none comes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import AbsentError, AnemoiError, ConfigError, DataError, NotThereError, ResourceError
from anemoi.core.files import appearing

from .messages import messages

TRIES: Final = 5
WAIT: Final = 5.0
"""How often a service that does not answer is asked, and how many seconds are between.

A server that is busy or restarts answers again within that time; the clients' own 500 times, two minutes
apart, would have a scheduler wait for a day.
"""

TIMEOUT: Final = 60.0
"""How many seconds an answer may take to begin, or to go on."""

_REFUSED: Final = (401, 403)
_NOT_THERE: Final = (
    "no data is available", "not available", "no matching data", "none of the data you have requested",
    "have not been released", "nodataerror",
)  # fmt: skip
"""What the Climate Data Store says, in lower case, of data that it does not have (yet)."""

_CUT: Final = ("size mismatch", "download failed")
"""What the clients say of a file that does not arrive as a whole."""


def cache_directory(given: str | None) -> Path:
    """Where files are kept: ``given``, or ``anemoi/retrieved`` in the cache of the user."""
    if given is not None:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "anemoi" / "retrieved"


def kept(directory: Path, request: Mapping[str, Any], retrieve: Callable[[Path], None], service: str) -> Path:
    """Give the file that answers a request: the one that is kept, or one that ``retrieve`` writes.

    Parameters
    ----------
    directory
        Where files are kept.
    request
        All that the answer depends on, as JSON.
    retrieve
        Writes the answer to a path.
    service
        What is asked, for errors.

    Raises
    ------
    NotThereError
        If what was sent is not whole.
    DataError
        If it is no GRIB.
    """
    name = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:32]
    path = directory / f"{name}.grib"
    if path.exists():
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with appearing(path) as partial:
            retrieve(partial)
            # Looking into it is an error of its own where it is no GRIB.
            if not partial.exists() or not all(message.whole for message in messages(partial)):
                raise NotThereError(
                    f"{service}: the file that was sent is not whole.",
                    fix="Try again later: repeat the command.",
                )
    except OSError as error:
        raise ResourceError.kind(error)(
            f"Files of {service} cannot be written to {directory}: {error.strerror or error}.",
            fix="Give a directory that can be written: cache=DIR",
        ) from error
    return path


@contextmanager
def told(service: str, asked: str) -> Iterator[None]:
    """Turn the errors of a client into one of ours.

    Raises
    ------
    NotThereError
        If the data are not there, or the service does not answer.
    ConfigError
        If it does not let the user in.
    DataError
        If it refuses the request.
    """
    import requests

    try:
        yield
    except AnemoiError:
        raise
    except requests.HTTPError as error:
        code = 0 if error.response is None else error.response.status_code
        raise _answered(service, asked, code, str(error)) from error
    except json.JSONDecodeError as error:
        raise NotThereError(
            f"{service} sends an answer that cannot be read: {_short(error)}", fix="Try again later."
        ) from error
    except (requests.RequestException, ConnectionError, TimeoutError) as error:
        raise NotThereError(
            f"{service} does not answer: {_short(error)}",
            fix="Check the network of this machine, or try again later.",
        ) from error
    # The clients raise RuntimeError, ValueError and Exception, and tell what happened in words alone.
    except Exception as error:
        raise _answered(service, asked, 0, str(error)) from error


def client_of(module: str, extra: str, requirement: str) -> Any:
    """Import a client.

    Raises
    ------
    AbsentError
        If it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise AbsentError(
            f"Retrieving data needs {requirement}, which is not installed.",
            requirement=f"anemoi-plugin-earthkit[{extra}]",
            fix=f'Install it: pip install "anemoi-plugin-earthkit[{extra}]"',
        ) from error


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Keep what clients say of attempts and attributions off the terminal: the errors tell what matters."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="ecmwf")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _answered(service: str, asked: str, code: int, said: str) -> Exception:
    """The error for an answer, by its code and by what it says."""
    short = _short(said)
    if code in _REFUSED:
        return ConfigError(
            f"{service} does not let you in: {short}",
            fix="Check your key, and that you have accepted the licence of the data set on its page.",
        )
    if code == 404 or any(words in said.lower() for words in _NOT_THERE):
        return NotThereError(
            f"{service} has no data for {asked} (yet): {short}",
            fix="Choose another date, or try again later.",
        )
    if any(words in said.lower() for words in _CUT):
        return NotThereError(
            f"{service}: the file that was sent is not whole: {short}",
            fix="Try again later: repeat the command.",
        )
    if code >= 500 or code == 429:
        return NotThereError(f"{service} does not answer: {short}", fix="Try again later.")
    return DataError(f"{service} refuses {asked}: {short}", fix="Correct the request.")


def _short(said: object) -> str:
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:400] or "it says nothing"
