"""Models as strangers would publish them, and some of this repository, trained here and forecast where no trainer is installed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
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

OPERATOR = (
    "anemoi-core",
    "anemoi-plugin-diffusion",
    "anemoi-plugin-downscaling",
    "anemoi-plugin-ensemble",
    "anemoi-plugin-transformer",
)
"""What an operator has installed besides the model's own plugin."""

SHORT = (
    "training.steps=4",
    "training.rollout_steps=2",
    "training.batch_size=2",
    "training.device=cpu",
)
SMALL = ("graph.refinement=0", "model.channels=8", "model.processor.num_layers=1")


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


@dataclass(frozen=True)
class Operator:
    """A process that forecasts, and has what an operator has."""

    process: subprocess.Popen[str]

    def forecast(self, **asked: Any) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the operator's process has ended: see what it wrote to standard error"
        assert json.loads(answer)["error"] is None, answer


@dataclass(frozen=True)
class Model:
    """A trained model.

    Parameters
    ----------
    path
        Its checkpoint.
    operator
        Who forecasts with it.
    """

    path: Path
    operator: Operator

    @property
    def checkpoint(self) -> Checkpoint:
        return load(self.path)

    @property
    def sources(self) -> dict[str, DataSource]:
        """What it was trained on, by domain."""
        return {name: config.build("source", spec) for name, spec in self._specs.items()}

    def forecast(self, start: Mapping[str, Any], /, **sources: Mapping[str, Any]) -> dict[str, States]:
        """Make a forecast where no trainer is installed.

        ``start`` says when and how far, ``sources`` what to change of the source of each domain.
        """
        output = self.path.with_suffix(".npz")
        changed = {name: {**spec, **sources.get(name, {})} for name, spec in self._specs.items()}
        self.operator.forecast(checkpoint=str(self.path), sources=changed, output=str(output), **start)
        domains = self.checkpoint.domains
        with np.load(output) as found:
            return {
                name: States(
                    found[f"{name}/fields"],
                    (found[f"{name}/leads"] / np.timedelta64(1, "h")).astype(int).tolist(),
                    domains[name].outputs,
                )
                for name in domains
                if f"{name}/fields" in found
            }

    @property
    def _specs(self) -> Mapping[str, Any]:
        recorded = self.checkpoint.configuration
        domains = {name: own["data"] for name, own in recorded["domains"].items()}
        return domains or {"data": recorded["data"]}


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> str:
    """The plugins as pip would have installed them: their packages, and metadata that say what they offer."""
    folder = tmp_path_factory.mktemp("site")
    for plugin in PLUGINS:
        name = plugin.name
        (folder / name).symlink_to(plugin)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_bytes((plugin / "entry_points.txt").read_bytes())
        lines = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Requires-Dist: anemoi-core")
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="session")
def operator(site, tmp_path_factory) -> Iterator[Operator]:
    python = environment.make(tmp_path_factory.mktemp("operator") / "environment", OPERATOR)
    with subprocess.Popen(
        [python, HERE / "forecaster.py"],
        env={**os.environ, "PYTHONPATH": site, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Operator(process)


@pytest.fixture(scope="module")
def installed(site, tmp_path_factory) -> Iterator[None]:
    """The plugins are installed where models are trained."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def train(installed, operator, tmp_path_factory):
    """Train a model for a few steps, as ``anemoi train OVERRIDES`` does; a small one if it is the default."""
    from anemoi_plugin_training import train

    def trained(*overrides: str, small: bool = True) -> Model:
        path = train(*SHORT, *(SMALL if small else ()), *overrides, output=tmp_path_factory.mktemp("run"))
        return Model(path, operator)

    return trained
