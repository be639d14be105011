"""A server with a data directory of its own, and jobs to try it with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings


@pytest.fixture
def services(tmp_path):
    services = Services.of(Settings(directory=str(tmp_path / "server"), outputs={"zarr": {"name": "zarr"}}))
    yield services
    services.database.close()


@pytest.fixture(scope="session", name="trial")
def trial_plugin(tmp_path_factory):
    """Install the plugin of ``trial.py`` for this process and all that it starts."""
    site = tmp_path_factory.mktemp("site")
    info = site / "anemoi_plugin_trial-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: anemoi-plugin-trial\nVersion: 1.0\nRequires-Dist: anemoi-core>=0.2\n"
    )
    (info / "entry_points.txt").write_text(
        "[anemoi.core.jobs]\ntrial = anemoi_plugin_trial:TrialJob\n"
        "[anemoi.core.commands]\ntrial = anemoi_plugin_trial:command\n"
    )
    (site / "anemoi_plugin_trial.py").write_text((Path(__file__).with_name("trial.py")).read_text())
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(site)
    patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(":"))
    yield site
    patch.undo()
    sys.modules.pop("anemoi_plugin_trial", None)
