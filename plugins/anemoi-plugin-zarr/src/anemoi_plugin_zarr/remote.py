"""Zarr stores in an object store, over obstore, which comes with the extra ``remote``."""

from __future__ import annotations

import os
from datetime import timedelta
from importlib import import_module
from typing import Any

from anemoi.core.errors import DataError

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


def object_store(address: str) -> Any:
    """Open the store at ``address``, ``s3://bucket/name.zarr``, for reading.

    Credentials, region and endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
    ...), never from a configuration: that is kept in every checkpoint.

    Raises
    ------
    DataError
        If the scheme is unknown, or what it needs is not installed.
    """
    scheme = address.partition("://")[0]
    if scheme not in _SCHEMES:
        raise DataError(
            f"{address}: there is no object store {scheme!r}.", fix=f"Known are {', '.join(_SCHEMES)}."
        )
    try:
        obstore = import_module("obstore.store")
        storage = import_module("zarr.storage").ObjectStore
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"{address} is in an object store, which needs obstore, and zarr 3.1 or later.",
            fix='Install them: pip install "anemoi-plugin-zarr[remote]"',
        ) from error
    # Whoever names an endpoint without encryption means it: a server on this machine, or in a closed network.
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    options = {"timeout": "60s", "connect_timeout": "10s", "allow_http": plain}
    return storage(obstore.from_url(address, retry_config=_RETRY, client_options=options), read_only=True)
