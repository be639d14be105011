"""Five plugins written against 0.1, beside this core: as they were, and with what docs/migrating.md tells.

``plugins_of_0_1`` has the components, word for word as the template of 0.1.1 makes them.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from anemoi.core import plugins
from anemoi.core.cli import main
from anemoi.core.errors import AnemoiError, PluginError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi_plugin_testing import check
from scipy.io import netcdf_file

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "tests" / "plugins_of_0_1"
CLASSES = {
    "processor": "OldProcessor",
    "source": "OldSource",
    "loss": "OldLoss",
    "output": "OldOutput",
    "hook": "OldHook",
}

OLD_LOSS = '''\
    node_weights: Tensor
    variable_weights: Tensor

    def __init__(self, *, node_weights: Tensor, variable_weights: Tensor, delta: float = 1.0) -> None:
        super().__init__(node_weights=node_weights, variable_weights=variable_weights)
        if not delta > 0:
            raise ConfigError(f"delta is {delta:g}.", fix="Choose one greater than zero.")
        self.delta = delta
        self.register_buffer("node_weights", node_weights, persistent=False)
        self.register_buffer("variable_weights", variable_weights, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """See :meth:`anemoi.core.interfaces.loss.Loss.forward`."""
        error = nn.functional.huber_loss(prediction, target, reduction="none", delta=self.delta)
        per_cell = error @ self.variable_weights  # (batch, ensemble, grid)
        return (per_cell @ self.node_weights).mean()
'''
NEW_LOSS = '''\
    def __init__(self, *, domain: Domain, delta: float = 1.0) -> None:
        super().__init__(domain=domain)
        if not delta > 0:
            raise ConfigError(f"delta is {delta:g}.", fix="Choose one greater than zero.")
        self.delta = delta

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`anemoi_plugin_training.Loss.forward`."""
        target = target.expand_as(prediction)
        error = nn.functional.huber_loss(prediction, target, reduction="none", delta=self.delta)
        return (error * weights).mean()
'''
MIGRATION: dict[str, list[tuple[str, str]]] = {
    "processor": [("from anemoi.core.layers import", "from anemoi_plugin_layers import")],
    "source": [],
    "loss": [
        (
            "from anemoi.core.interfaces import Loss\n",
            "from anemoi.core.domain import Domain\nfrom anemoi_plugin_training import Loss\n",
        ),
        (OLD_LOSS, NEW_LOSS),
    ],
    "output": [],
    "hook": [],
}
"""What had to change in the code of each component; docs/migrating.md tells what else."""


def install(kind, folder, monkeypatch, *, requires, name="old", changes=()):
    """A plugin with the component of a kind, as pip would have installed it; its name."""
    module = f"anemoi_plugin_{name}_{kind}"
    text = (WRITTEN / f"{kind}.py").read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    info = folder / f"{module}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: anemoi-plugin-{name}-{kind}\nVersion: 0.1.0\nRequires-Dist: {requires}\n",
        encoding="utf-8",
    )
    (info / "entry_points.txt").write_text(
        f"[{plugins.group(kind)}]\n{name}-{kind} = {module}:{CLASSES[kind]}\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(folder))
    return f"{name}-{kind}"


@pytest.fixture(params=CLASSES)
def kind(request):
    return request.param


@pytest.fixture
def as_written(kind, tmp_path, monkeypatch):
    return install(kind, tmp_path, monkeypatch, requires="anemoi-core<0.2,>=0.1.1")


REASON = "requires anemoi-core<0.2,>=0.1.1, but 0.2.0 is installed"


def test_as_written_it_is_incompatible_and_says_why(kind, as_written, capsys):
    (component,) = [each for each in plugins.components(kind) if each.name == as_written]
    assert (component.state, component.reason) == ("incompatible", REASON)
    assert component.fix == f"pip install --upgrade anemoi-plugin-{as_written}"
    assert main(["plugins", "list", "--kind", kind]) == 0
    assert re.search(rf"{as_written}\s.*incompatible", capsys.readouterr().out)


def test_as_written_its_use_is_one_clear_error(kind, as_written, capsys):
    with pytest.raises(PluginError) as caught:
        plugins.load(kind, as_written)
    said = f"The {kind} '{as_written}' of anemoi-plugin-{as_written} 0.1.0 is incompatible: {REASON}."
    assert caught.value.what == said
    assert caught.value.fix == f"To mend it: pip install --upgrade anemoi-plugin-{as_written}"
    assert f"anemoi_plugin_old_{kind}" not in sys.modules


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("processor", ["config", "validate", "model.processor.name=old-processor"]),
        ("source", ["config", "validate", "data.name=old-source", "data.path=x.nc"]),
        ("loss", ["config", "validate", "loss.name=old-loss"]),
    ],
)
def test_as_written_a_command_that_names_it_says_so_once(kind, words, as_written, capsys):
    assert main(words) in (AnemoiError.exit_code, PluginError.exit_code)
    said = capsys.readouterr()
    assert (said.out + said.err).count(REASON) == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize("kind", ["hook"])
def test_as_written_a_hook_is_left_out_with_a_warning(as_written, caplog):
    with caplog.at_level(logging.WARNING):
        plugins.hooks()
    told = [record.getMessage() for record in caplog.records if "old-hook" in record.getMessage()]
    assert [message.count(REASON) for message in told] == [1]


class Reader(DataSource):
    """Reads back what the output writes."""

    def __init__(self, *, path: str):
        with netcdf_file(path, "r", mmap=False) as file:
            contents = {name: each.data.copy() for name, each in file.variables.items()}
        places = ("time", "latitude", "longitude")
        time, latitudes, longitudes = (contents.pop(name).astype(float) for name in places)
        self.names, self.stored = tuple(contents), time.astype("datetime64[s]")
        self.fields = np.stack([*contents.values()], axis=-1).astype(np.float32)
        self.points = Grid(latitudes, longitudes)

    variables = property(lambda self: self.names)
    times = property(lambda self: self.stored)
    frequency = property(lambda self: self.stored[1] - self.stored[0])
    grid = property(lambda self: self.points)
    statistics = property(lambda self: None)
    missing = property(lambda self: frozenset())
    provenance = property(lambda self: {})

    def read(self, times):
        return self.fields[np.searchsorted(self.stored, times)]


def states(path):
    """A file of ten states, of which the fifth was left out."""
    with netcdf_file(path, "w") as file:
        for name, values in (
            ("time", np.delete(np.arange(10) * 6.0, 4)),
            ("latitude", np.linspace(80.0, -80.0, 5)),
            ("longitude", np.arange(8) * 45.0),
        ):
            file.createDimension(name, len(values))
            file.createVariable(name, "d", (name,))[:] = values
        file.variables["time"].units = "hours since 2020-01-01 00:00:00"
        shape = ("time", "latitude", "longitude")
        file.createVariable("t2m", "f", shape)[:] = np.random.default_rng(0).normal(280.0, 10.0, (9, 5, 8))


@pytest.mark.filterwarnings("error::FutureWarning")
def test_migrated_it_loads_and_keeps_its_contract(kind, tmp_path, monkeypatch):
    name = install(
        kind, tmp_path, monkeypatch, requires="anemoi-core>=0.2,<0.3", name="new", changes=MIGRATION[kind]
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for the checks that start processes
    options = {}
    if kind == "source":
        states(tmp_path / "states.nc")
        options["path"] = str(tmp_path / "states.nc")
    reader = Reader if kind == "output" else None
    results = check(kind, name, reader=reader, **options)
    assert {result.check: result.seen for result in results if result.status == "fail"} == {}
    assert sum(result.status == "pass" for result in results) > 5


def test_the_requirement_alone_will_do_for_all_but_the_loss(kind, tmp_path, monkeypatch):
    """The names that moved go on working for this line; a loss is given other things than before."""
    name = install(kind, tmp_path, monkeypatch, requires="anemoi-core>=0.2,<0.3", name="half")
    if kind == "processor":
        with pytest.warns(FutureWarning, match=r"anemoi_plugin_layers\.check_condition"):
            plugins.load(kind, name)
    elif kind == "loss":
        with pytest.warns(FutureWarning, match=r"anemoi_plugin_training\.Loss"):
            results = check(kind, name)
        assert "fail" in {result.status for result in results}
    else:
        plugins.load(kind, name)
