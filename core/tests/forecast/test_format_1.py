"""Checkpoints of the line 0.1, written here as it wrote them; test_older_checkpoints.py has real ones."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest
import safetensors.torch
import torch

from anemoi.core import forecast
from anemoi.core.checkpoint import FORMAT_VERSION, container, inspect, load, save
from anemoi.core.cli import main
from anemoi.core.errors import CheckpointError

START = "2020-01-02T06"


@pytest.fixture
def path(make_checkpoint, tmp_path, monkeypatch):
    """The untrained model in format 1, which had one data set and no names for what could not be chosen."""
    checkpoint = make_checkpoint()
    domain, configuration = checkpoint.domain, checkpoint.configuration
    names = list(domain.prognostic)
    columns = domain.columns(domain.prognostic)
    renamed = {
        "network.encoders.data.": "encoder.",
        "network.processor.": "processor.",
        "network.decoders.data.": "decoder.",
    }
    tensors = {}
    for name, weight in checkpoint.weights.items():
        new, old = next((new, old) for new, old in renamed.items() if name.startswith(new))
        tensors[f"weights/{old}{name.removeprefix(new)}"] = weight
    for name, nodes in checkpoint.graph.nodes.items():
        tensors[f"graph/nodes/{name}/latitudes"] = nodes.latitudes
        tensors[f"graph/nodes/{name}/longitudes"] = nodes.longitudes
    for (source, target), edges in checkpoint.graph.edges.items():
        for part in ("source", "target", "attributes"):
            tensors[f"graph/edges/{source}/{target}/{part}"] = getattr(edges, part)
    for name, values in (
        ("mean", domain.statistics.mean),
        ("stdev", domain.statistics.stdev),
        ("tendency_stdev", domain.changes.stdev),
    ):
        tensors[f"statistics/{name}"] = torch.tensor(values[columns], dtype=torch.float32)
    tensors["grid/latitudes"] = torch.tensor(domain.grid.latitudes)
    tensors["grid/longitudes"] = torch.tensor(domain.grid.longitudes)
    parts = ("model.encoder", "model.processor", "model.decoder")
    model = {part: spec for part, spec in configuration["model"].items() if part != "name"}
    document = {
        "variables": names,
        "units": domain.units,
        "frequency": "6h",
        "grid": {"field_shape": list(domain.grid.field_shape)},
        "graph": {
            "nodes": list(checkpoint.graph.nodes),
            "edges": [
                {"source": source, "target": target, "attributes": list(edges.attribute_names)}
                for (source, target), edges in checkpoint.graph.edges.items()
            ],
        },
        "configuration": {
            "data": configuration["data"],
            "forcings": configuration["forcings"],
            "model": model,
            "training": configuration["training"],
        },
        "overrides": list(checkpoint.overrides),
        "lock": [
            {
                **dataclasses.asdict(entry),
                "role": entry.role.removeprefix("model."),
                "version": f"{entry.version}+gabc1234",  # of a commit between two releases
            }
            for entry in checkpoint.lock
            if entry.role in (*parts, "data")
        ],
        "provenance": checkpoint.provenance,
    }
    path = tmp_path / "old.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(container, "FORMAT_VERSION", 1)
        container.write(path, tensors, document)
    return path


def test_it_is_what_it_would_be_today(path, make_checkpoint):
    checkpoint, loaded = make_checkpoint(), load(path)
    before, after = checkpoint.domain, loaded.domain
    assert list(loaded.domains) == ["data"]
    assert after.variables == before.variables
    assert (after.frequency, after.grid.field_shape) == (before.frequency, before.grid.field_shape)
    assert after.grid.matches(before.grid, tolerance=0)
    assert loaded.steps == checkpoint.steps
    for which, name in (("statistics", "mean"), ("statistics", "stdev"), ("changes", "stdev")):
        now, then = getattr(getattr(after, which), name), getattr(getattr(before, which), name)
        assert now.dtype == np.float64
        np.testing.assert_array_equal(now[:2], then[:2].astype(np.float32))
    assert np.isnan(after.statistics.minimum).all()  # which format 1 did not have
    assert list(loaded.weights) == sorted(checkpoint.weights)
    assert all(torch.equal(loaded.weights[name], weight) for name, weight in checkpoint.weights.items())
    assert {entry.role for entry in loaded.lock} == {
        "model.encoder",
        "model.processor",
        "model.decoder",
        "data",
    }
    assert (loaded.overrides, loaded.provenance) == (checkpoint.overrides, checkpoint.provenance)


def test_it_forecasts_the_same(path, make_checkpoint, built):
    one, other = (
        [state.fields for state in forecast(each, built[2](), START, "2d")]
        for each in (path, make_checkpoint())
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_saved_again_it_is_of_format_2_and_forecasts_the_same_to_the_bit(path, built, tmp_path):
    identity = inspect(path).identity
    saved = save(tmp_path / "new", load(path))
    assert (inspect(path).format_version, inspect(tmp_path / "new").format_version) == (1, FORMAT_VERSION)
    assert FORMAT_VERSION == 2
    assert saved.identity != identity == load(path).identity
    one, other = (
        [s.fields for s in forecast(each, built[2](), START, "2d")] for each in (path, tmp_path / "new")
    )
    np.testing.assert_array_equal(one, other)


def test_the_commands_tell_of_it(path, capsys):
    assert main(["checkpoint", "inspect", str(path)]) == 0
    out = capsys.readouterr().out
    for words in (
        "t [K], ps [Pa]",
        "computed    cos_latitude, insolation, sin_julian_day",
        "step        6h: from -6h, 0h to +6h",
        "model.encoder",
        "checkpoint format 1",
    ):
        assert words in out
    assert main(["checkpoint", "requirements", str(path)]) == 0
    assert capsys.readouterr().out.split() == ["anemoi-core==0.1.0", "anemoi-plugin-tiny==0.1.0+gabc1234"]


def test_a_plugin_that_is_absent_is_one_clear_error(path, built, monkeypatch, capsys):
    from anemoi.core import plugins

    real = plugins.components()
    monkeypatch.setattr(
        plugins, "components", lambda kind=None: [one for one in real if one.distribution == "anemoi-core"]
    )
    with pytest.raises(CheckpointError) as caught:
        forecast(path, built[2](), START, "6h")
    assert (
        "The model.encoder 'tiny' of anemoi-plugin-tiny 0.1.0+gabc1234 is not installed." in caught.value.what
    )
    assert caught.value.fix == "pip install 'anemoi-plugin-tiny==0.1.0+gabc1234'"
    assert main(["checkpoint", "inspect", str(path)]) == 0
    assert "To run it here: pip install 'anemoi-plugin-tiny==0.1.0+gabc1234'" in capsys.readouterr().out


def test_damage_is_found_before_it_is_migrated(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="content hash"):
        load(path)


@pytest.mark.parametrize("absent", ["variables", "units", "frequency", "configuration", "lock"])
def test_one_that_lacks_something_is_refused(path, monkeypatch, absent):
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    document = json.loads(json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]["document"])
    del document[absent]
    monkeypatch.setattr(container, "FORMAT_VERSION", 1)
    container.write(path, safetensors.torch.load_file(path), document)
    monkeypatch.undo()
    for read in (load, inspect):
        with pytest.raises(
            CheckpointError, match=f"does not hold what its format asks for: .*{absent}"
        ) as caught:
            read(path)
        assert caught.value.fix
