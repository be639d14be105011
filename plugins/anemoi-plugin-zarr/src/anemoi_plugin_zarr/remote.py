"""Zarr stores in an object store, over obstore, which comes with the extra ``remote``."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple

from anemoi.core.errors import DataError

from .faults import one_line

_SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "http", "https")

_RETRY = {
    "max_retries": 5,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=60),
}
"""A server that is busy or restarts answers again within seconds; one that is gone is not waited for."""


class Objects(NamedTuple):
    """What lies in an object store: the keys, and what gives the bytes under one."""

    keys: list[str]
    read: Callable[[str], bytes]


def object_store(address: str) -> Any:
    """Open the store at ``address``, ``s3://bucket/name.zarr``, for Zarr to read.

    Credentials, region and endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
    ...), never from a configuration: that is kept in every checkpoint.

    Raises
    ------
    DataError
        If the scheme is unknown, or what it needs is not installed.
    """
    return _import("zarr.storage", "ObjectStore", address)(_connect(address), read_only=True)


def objects(address: str) -> Objects | None:
    """List what lies under ``address``; None for a web server, which does not say what it has.

    Raises
    ------
    DataError
        As :func:`object_store`, and if the store does not answer, then or when an object is read.
    """
    if address.startswith(("http://", "https://")):
        return None
    store = _connect(address)
    listing, get = (_import("obstore", name, address) for name in ("list", "get"))

    def read(key: str) -> bytes:
        try:
            return bytes(get(store, key).bytes())
        except Exception as error:  # What obstore raises differs from store to store.
            raise DataError(f"{address}: {key} cannot be read: {one_line(error)}") from error

    try:
        return Objects([each["path"] for batch in listing(store) for each in batch], read)
    except Exception as error:
        raise DataError(f"{address} cannot be listed: {one_line(error)}") from error


def _connect(address: str) -> Any:
    scheme = address.partition("://")[0]
    if scheme not in _SCHEMES:
        raise DataError(
            f"{address}: there is no object store {scheme!r}.", fix=f"Known are {', '.join(_SCHEMES)}."
        )
    from_url = _import("obstore.store", "from_url", address)
    # Whoever names an endpoint without encryption means it: a server on this machine, or in a closed network.
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    options = {"timeout": "60s", "connect_timeout": "10s", "allow_http": plain}
    return from_url(address, retry_config=_RETRY, client_options=options)


def _import(module: str, name: str, address: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"{address} is in an object store, which needs obstore, and zarr 3.1 or later.",
            fix='Install them: pip install "anemoi-plugin-zarr[remote]"',
        ) from error
