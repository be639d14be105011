"""Eight models as strangers would publish them, trained here and forecast where no trainer is installed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environment
import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.checkpoint import Checkpoint, load
from anemoi.core.interfaces import DataSource

HERE = Path(__file__).parent
PLUGINS = sorted(path.parent for path in HERE.glob("*/entry_points.txt"))
OPERATOR = ("anemoi-core", "anemoi-plugin-transformer")
"""What an operator has installed besides the model's own plugin."""

TRAINING = (
    "graph.refinement=0",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=4",
    "training.rollout_steps=2",
    "training.batch_size=2",
    "training.device=cpu",
)


@dataclass(frozen=True)
class Model:
    """One trained model.

    Parameters
    ----------
    path
        Its checkpoint.
    losses
        One for each step of its training.
    """

    path: Path
    losses: tuple[float, ...]
    python: Path
    site: str

    @property
    def checkpoint(self) -> Checkpoint:
        return load(self.path)

    @property
    def sources(self) -> dict[str, DataSource]:
        """What it was trained on, by domain."""
        return {name: config.build("source", spec) for name, spec in self._specs.items()}

    @property
    def _specs(self) -> Mapping[str, Any]:
        recorded = self.checkpoint.configuration
        domains = {name: own["data"] for name, own in (recorded.get("domains") or {}).items()}
        return domains or {"data": recorded["data"]}

    def forecast(self, *options: Mapping[str, Any], **sources: Mapping[str, Any]) -> list[Forecast]:
        """Make forecasts in a process that has what an operator has; ``sources`` instead of its own, by domain."""
        output = self.path.parent / "forecasts.npz"
        asked = {
            "checkpoint": str(self.path),
            "sources": {name: {**spec, **sources.get(name, {})} for name, spec in self._specs.items()},
            "forecasts": options,
            "output": str(output),
        }
        done = subprocess.run(
            [self.python, HERE / "operator_forecast.py"],
            input=json.dumps(asked),
            env={**os.environ, "PYTHONPATH": self.site, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with np.load(output) as found:
            names = [name.split("/") for name in found.files if name.endswith("/fields")]
            made: list[Forecast] = [{} for _ in options]
            for number, domain, _ in names:
                made[int(number)][domain] = States(
                    found[f"{number}/{domain}/fields"],
                    [int(lead / np.timedelta64(1, "h")) for lead in found[f"{number}/{domain}/leads"]],
                    self.checkpoint.domains[domain].outputs,
                )
        return made


@dataclass(frozen=True)
class States:
    """The states of one domain in one forecast.

    Parameters
    ----------
    fields
        ``(lead times, members, grid, variables)``.
    hours
        The lead times.
    variables
        Their names.
    """

    fields: np.ndarray
    hours: list[int]
    variables: Sequence[str]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.fields[..., self.variables.index(name)]


Forecast = dict[str, States]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> str:
    """The plugins as pip would have installed them: their packages, and metadata that names what they offer."""
    folder = tmp_path_factory.mktemp("site")
    for plugin in PLUGINS:
        name = plugin.name
        (folder / name).symlink_to(plugin)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_bytes((plugin / "entry_points.txt").read_bytes())
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: anemoi-core\n"
        )
    return str(folder)


@pytest.fixture(scope="session")
def operator(tmp_path_factory) -> Path:
    """The Python of an environment without a trainer."""
    return environment.make(tmp_path_factory.mktemp("operator") / "environment", OPERATOR)


@pytest.fixture(scope="module")
def installed(site, tmp_path_factory):
    """The plugins can be found here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def train(installed, site, operator, tmp_path_factory):
    """Train a model as ``anemoi train OVERRIDES`` does."""
    from anemoi_plugin_training import prepare

    def trained(*overrides: str, graph: bool = True) -> Model:
        small = [each for each in TRAINING if graph or not each.startswith(("graph.", "model."))]
        losses: list[float] = []
        training = prepare(config.compose("train", [*small, *overrides]))
        run = tmp_path_factory.mktemp("run")
        path = training.run(run, on_step=lambda step, loss: losses.append(loss))
        return Model(path, tuple(losses), operator, site)

    return trained
