"""From an answer that tells of a problem to the error that the command line would have ended with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from anemoi.core.errors import (
    AnemoiError,
    DataError,
    NotThereError,
    PluginError,
    RequestError,
    ResourceError,
)

_KINDS: Final[dict[int, type[AnemoiError]]] = {
    2: RequestError,
    3: NotThereError,
    4: DataError,
    5: PluginError,
    6: ResourceError,
}
_CODES: Final = {404: 3, 429: 6, 500: 6, 502: 6, 503: 6, 504: 6}
"""The exit codes of answers that do not say one."""


def check(answer: httpx.Response) -> httpx.Response:
    """Give an answer back if it is one.

    Raises
    ------
    AnemoiError
        If it tells of a problem, of the class and with the exit code that the command line has for it.
    """
    if answer.is_success:
        return answer
    answer.read()
    try:
        said = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        said = {}
    if not isinstance(said, dict) or "detail" not in said:
        said = {"detail": f"{answer.url.host} answers {answer.status_code} {answer.reason_phrase}."}
    code = said.get("exit_code", _CODES.get(answer.status_code, 2))
    raise error_of({"what": said["detail"], "fix": said.get("fix"), "exit_code": code})


def error_of(said: dict[str, Any]) -> AnemoiError:
    """The error that a job or an answer tells of: ``what``, ``fix`` and ``exit_code``."""
    code = int(said.get("exit_code") or 1)
    error = _KINDS.get(code, AnemoiError)(str(said["what"]), fix=said.get("fix"))
    error.exit_code = code
    return error


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Tell of a server that does not answer.

    Raises
    ------
    ResourceError
        If within the block the connection fails.
    """
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ResourceError(
            f"The server at {url} does not answer: {error}.",
            fix="See that it runs (anemoi serve), and that --server or ANEMOI_SERVER is its address.",
        ) from error
