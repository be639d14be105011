import json

import pytest
import safetensors
import torch
from anemoi.core.errors import CheckpointError

from anemoi_plugin_training import state


def test_a_tree_comes_back_as_it_was(tmp_path):
    tree = {
        "step": 7,
        "optimisers": [{"state": {0: {"step": torch.tensor(7.0), "sum": torch.randn(3, 2).T}}}],
        "betas": (0.9, 0.95),
        "third": 1 / 3,
        "best": float("-inf"),
        "$": "a name of our own",
        "nothing": None,
    }
    document, tensors = state.packed(tree)
    state.write(tmp_path / "state.safetensors", document, tensors)
    back = state.read(tmp_path / "state.safetensors")
    known, found = tree["optimisers"][0]["state"][0], back["optimisers"][0]["state"][0]
    assert all(torch.equal(known[name], found[name]) for name in known)
    assert {**back, "optimisers": []} == {**tree, "optimisers": []}


def test_what_is_packed_stays_when_the_tensor_changes():
    weight = torch.zeros(3)
    _, tensors = state.packed({"weight": weight})
    weight += 1
    assert [tensor.sum().item() for tensor in tensors.values()] == [0]


def test_what_is_neither_json_nor_a_tensor_is_refused_by_its_place():
    with pytest.raises(CheckpointError, match="schedules/0/factor is a function"):
        state.packed({"schedules": [{"factor": lambda step: 1.0}]})


def test_any_reader_of_safetensors_sees_the_tensors_and_the_document(tmp_path):
    state.write(tmp_path / "state.safetensors", *state.packed({"a": {"b": torch.ones(2)}}))
    with safetensors.safe_open(tmp_path / "state.safetensors", framework="np") as file:
        assert list(file.keys()) == ["/a/b"]
        assert json.loads(file.metadata()["document"]) == {"a": {"b": {"$": "tensor", "name": "/a/b"}}}


def test_a_damaged_state_and_another_file_are_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    state.write(path, *state.packed({"a": torch.ones(100)}))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cannot be read"):
        state.read(path)
    safetensors.torch.save_file({"a": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match="not the state of a training"):
        state.read(path)
