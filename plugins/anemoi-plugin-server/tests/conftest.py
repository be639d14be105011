"""A server with a data directory of its own."""

from __future__ import annotations

import pytest

from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings


@pytest.fixture
def services(tmp_path):
    services = Services.of(Settings(directory=str(tmp_path / "server"), outputs={"zarr": {"name": "zarr"}}))
    yield services
    services.database.close()
