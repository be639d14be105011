"""What a checkpoint says of itself, exported: read here as anemoi-utils reads it.

``benchmarks/peer/read_metadata.py`` reads it with the real packages.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile

import numpy as np
import pytest
from anemoi.core.checkpoint import container, load
from anemoi.core.cli.main import main
from anemoi.core.errors import CheckpointError

from anemoi_plugin_export import export_metadata, metadata


def read(path):
    """The metadata and the arrays: one file of that name anywhere in the archive, and what it points at."""
    with zipfile.ZipFile(path) as file:
        [name] = [name for name in file.namelist() if os.path.basename(name) == "anemoi.json"]
        said = json.loads(file.read(name))
        arrays = {
            key: np.frombuffer(file.read(entry["path"]), dtype=entry["dtype"]).reshape(entry["shape"])
            for key, entry in said["supporting_arrays_paths"].items()
        }
    return said, arrays


def test_it_says_what_the_checkpoint_is(checkpoint_file, tmp_path, capsys):
    file = tmp_path / "model.ckpt"
    assert main(["checkpoint", "export", str(checkpoint_file), "--metadata", str(file)]) == 0
    assert str(file) in capsys.readouterr().out
    checkpoint = load(checkpoint_file)
    said, arrays = read(file)
    domain = checkpoint.domain
    np.testing.assert_array_equal(arrays["latitudes"], domain.grid.latitudes)
    np.testing.assert_array_equal(arrays["longitudes"], domain.grid.longitudes)
    names, indices = said["dataset"]["variables"], said["data_indices"]["data"]
    assert tuple(names[i] for i in indices["input"]["prognostic"]) == domain.prognostic
    assert tuple(names[i] for i in indices["output"]["full"]) == domain.outputs
    assert [names[i] for i in indices["input"]["forcing"]] == said["config"]["data"]["forcing"]
    assert set(said["dataset"]["variables_metadata"]) == set(names)
    assert said["uuid"] == checkpoint.identity
    assert said["dataset"]["shape"][1:] == [len(names), 1, len(domain.grid)]


def test_the_columns_of_forcings_are_behind_those_of_variables():
    document = {
        "domains": {
            "data": {
                "variables": [
                    {"name": "t_850", "role": "prognostic"},
                    {"name": "msl", "role": "prognostic", "units": "Pa"},
                    {"name": "cos_latitude", "role": "forcing", "computed": True, "constant": True},
                    {"name": "insolation", "role": "forcing", "computed": True},
                ],
                "frequency": "6h",
                "field_shape": None,
                "steps": {"inputs": [-21600, 0], "outputs": [21600]},
            },
        },
        "lock": [{"distribution": "anemoi-plugin-x", "version": "1.2"}],
        "configuration": {
            "forcings": ["cos_latitude", "insolation"], "data": {"name": "x"}, "model": {}, "graph": {},
        },
        "provenance": {
            "versions": {"python": "3.11.7", "torch": "2.13.0+cpu"},
            "training_period": {"start": "2020-01-01T00", "end": "2020-01-02T06"},
        },
    }  # fmt: skip
    said = metadata("sha256:0", document, 10)
    assert said["dataset"]["variables"] == ["t_850", "msl", "cos_latitude", "insolation"]
    assert said["data_indices"]["model"]["input"] == {
        "full": [0, 1, 2, 3], "forcing": [2, 3], "diagnostic": [], "prognostic": [0, 1],
    }  # fmt: skip
    assert said["dataset"]["shape"] == [6, 4, 1, 10]
    constant = {
        name: each.get("constant_in_time") for name, each in said["dataset"]["variables_metadata"].items()
    }
    assert constant == {"t_850": None, "msl": None, "cos_latitude": True, "insolation": False}
    assert said["dataset"]["variables_metadata"]["msl"] == {"units": "Pa"}
    assert said["config"]["training"]["multistep_input"] == 2
    assert said["provenance_training"]["module_versions"] == {"torch": "2.13.0", "anemoi-plugin-x": "1.2"}


def test_each_role_has_its_columns_among_what_comes_in_and_what_goes_out():
    """As ``data_indices`` of anemoi-models: the model's are places among its own inputs and outputs."""
    variables = [
        {"name": "t", "role": "prognostic"},
        {"name": "tp", "role": "diagnostic"},
        {"name": "sst", "role": "forcing"},
        {"name": "lsm", "role": "forcing", "constant": True},
        {"name": "ps", "role": "prognostic"},
    ]
    steps = {"inputs": [-21600, 0], "outputs": [21600]}
    domain = {"variables": variables, "frequency": "6h", "field_shape": None, "steps": steps}
    data = {"name": "tiny", "points": 4}
    configuration = {"domains": {"air": {"data": data}}}
    document = {"domains": {"air": domain}, "lock": [], "configuration": configuration, "provenance": {}}
    said = metadata("sha256:0", document, 4)
    assert said["dataset"]["variables"] == ["t", "tp", "sst", "lsm", "ps"]
    assert said["dataset"]["arguments"]["kwargs"] == data
    assert (said["config"]["data"]["forcing"], said["config"]["data"]["diagnostic"]) == (
        ["sst", "lsm"],
        ["tp"],
    )
    assert said["data_indices"] == {
        "data": {
            "input": {"full": [0, 2, 3, 4], "forcing": [2, 3], "diagnostic": [], "prognostic": [0, 4]},
            "output": {"full": [0, 1, 4], "forcing": [], "diagnostic": [1], "prognostic": [0, 4]},
        },
        "model": {
            "input": {"full": [0, 1, 2, 3], "forcing": [1, 2], "diagnostic": [], "prognostic": [0, 3]},
            "output": {"full": [0, 1, 2], "forcing": [], "diagnostic": [1], "prognostic": [0, 2]},
        },
    }
    assert said["dataset"]["variables_metadata"]["lsm"]["constant_in_time"] is True
    assert said["dataset"]["variables_metadata"]["sst"] == {
        "computed_forcing": False,
        "constant_in_time": False,
    }


def test_a_checkpoint_of_several_domains_is_not_what_these_tools_know(checkpoint_file, tmp_path, monkeypatch):
    contents = container.read(checkpoint_file)
    domains = {"air": contents.document["domains"]["data"], "sea": contents.document["domains"]["data"]}
    several = dataclasses.replace(contents, document={**contents.document, "domains": domains})
    monkeypatch.setattr(container, "read", lambda path: several)
    with pytest.raises(CheckpointError, match=r"several domains \(air, sea\)"):
        export_metadata(checkpoint_file, tmp_path / "model.ckpt")


def test_nothing_is_replaced_unasked_and_nothing_half_written(checkpoint_file, tmp_path):
    file = tmp_path / "model.ckpt"
    file.write_text("mine")
    with pytest.raises(CheckpointError, match="there already"):
        export_metadata(checkpoint_file, file)
    assert file.read_text() == "mine"
    assert read(export_metadata(checkpoint_file, file, overwrite=True))
    with pytest.raises(CheckpointError, match="cannot be written"):
        export_metadata(checkpoint_file, tmp_path / "absent" / "model.ckpt")
    assert {path.name for path in tmp_path.iterdir()} == {file.name}
