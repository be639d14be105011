from __future__ import annotations

import dataclasses
import json
import pickle
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from anemoi.core.checkpoint import Checkpoint, build_model, inspect, load, save
from anemoi.core.errors import CheckpointError
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

PAGE = Path(__file__).parents[3] / "docs" / "checkpoint.md"


def split(path):
    """Header and data of a safetensors file, by its specification."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(path, header, data):
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def assert_same(one, other):
    for field in dataclasses.fields(Checkpoint):
        if field.name in ("weights", "graph", "domains", "identity", "path"):
            continue
        assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert set(one.weights) == set(other.weights)
    pairs = [(one.weights[name], other.weights[name]) for name in one.weights]
    assert (one.graph is None) == (other.graph is None)
    if one.graph is not None:
        pairs += graphs(one.graph, other.graph)
    for left, right in pairs:
        assert left.dtype == right.dtype
        assert torch.equal(left, right)
    assert list(one.domains) == list(other.domains)
    for name, domain in one.domains.items():
        assert_same_domain(domain, other.domains[name])


def graphs(one, other):
    assert list(one.nodes) == list(other.nodes)
    assert list(one.edges) == list(other.edges)
    for name, nodes in one.nodes.items():
        for axis in ("latitudes", "longitudes"):
            yield getattr(nodes, axis), getattr(other.nodes[name], axis)
    for name, edges in one.edges.items():
        assert edges.attribute_names == other.edges[name].attribute_names
        for part in ("source", "target", "attributes"):
            yield getattr(edges, part), getattr(other.edges[name], part)


def assert_same_domain(one, other):
    assert (one.variables, one.frequency) == (other.variables, other.frequency)
    assert one.grid.field_shape == other.grid.field_shape
    pairs = [(getattr(one.grid, axis), getattr(other.grid, axis)) for axis in ("latitudes", "longitudes")]
    for which in ("statistics", "changes"):
        left, right = vars(getattr(one, which)), vars(getattr(other, which))
        pairs += [(left[name], right[name]) for name in ("mean", "stdev", "minimum", "maximum")]
    for which in ("constants", "missing", "measured"):
        left, right = getattr(one, which), getattr(other, which)
        assert list(left) == list(right)
        pairs += [(left[name], right[name]) for name in left]
    for left, right in pairs:
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def test_what_is_saved_is_what_is_loaded(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint(
        weights={
            "half": torch.randn(3, 5).bfloat16(),
            "strided": torch.randn(4, 6)[:, ::2].t(),
            "scalar": torch.tensor(3),
            "none": torch.zeros(0, 2),
            "not a number": torch.tensor([float("nan"), -0.0]).view(torch.int32),
        },
        overrides=("model.name=é ü 风",),
    )
    saved = save(tmp_path / "c", checkpoint)
    loaded = load(tmp_path / "c")
    assert_same(checkpoint, loaded)
    assert loaded.identity == saved.identity
    assert loaded.path == saved.path == tmp_path / "c"


def test_all_that_a_domain_may_have_is_saved_and_loaded(tiny, make_checkpoint, tmp_path):
    """Several domains, of all roles, on other grids; and a model without a graph."""
    variables = (
        Variable("t_850", units="K", level=850.0, level_type="pressure"),
        Variable("sst", Role.FORCING, may_be_missing=True),
        Variable("tp", Role.DIAGNOSTIC, accumulated=np.timedelta64(6, "h")),
        Variable("flux", Role.DIAGNOSTIC, averaged=np.timedelta64(90, "m")),
        Variable("lsm", Role.FORCING, constant=True),
        Variable("insolation", Role.FORCING, computed=True),
    )
    domains = {
        "sea": tiny.domain("h/2 é", points=6, hours=12),
        "air": tiny.domain(
            *variables,
            constants={"lsm": np.linspace(0, 1, 4, dtype=np.float32)},
            missing={"sst": np.array([True, False, False, True])},
            measured={"tp": np.arange(8.0).reshape(2, 4)},
        ),
        "edge": tiny.domain(Variable("f", Role.FORCING), points=2),
    }
    hour = np.timedelta64(3600, "s")
    steps = {
        "sea": Steps(inputs=(0 * hour,), outputs=(12 * hour,), step=12 * hour, interval=12 * hour),
        "air": Steps(
            inputs=(-6 * hour, 0 * hour), outputs=(6 * hour, 12 * hour), step=12 * hour, interval=6 * hour
        ),
        "edge": Steps(inputs=(-1 * hour, 12 * hour), outputs=(), step=12 * hour, interval=6 * hour),
    }
    checkpoint = make_checkpoint(domains=domains, steps=steps, graph=None)
    saved = save(tmp_path / "c", checkpoint)
    loaded = load(tmp_path / "c")
    assert_same(checkpoint, loaded)
    assert loaded.identity == saved.identity
    assert loaded.domains["air"].variables == variables
    assert save(tmp_path / "d", loaded).identity == saved.identity
    told = inspect(tmp_path / "c")
    assert (told.format_version, dict(told.nodes), dict(told.edges)) == (2, {}, {})
    assert told.points == {"sea": 6, "air": 4, "edge": 2}


def test_what_is_kept_in_order_stays_in_order(make_checkpoint, tmp_path):
    """The names of transforms and domains are keys, and their order means something."""
    configuration = make_checkpoint().configuration
    transforms = {"z": {"name": "normaliser"}, "a": {"name": "normaliser"}}
    save(tmp_path / "c", make_checkpoint(configuration={**configuration, "transforms": transforms}))
    assert list(load(tmp_path / "c").configuration) == list(configuration)
    assert list(load(tmp_path / "c").configuration["transforms"]) == ["z", "a"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("variables", [{"name": "t"}]),
        ("variables", [{"name": "t", "role": "moon"}]),
        ("variables", [{"name": "t", "role": "prognostic"}] * 2),
        ("steps", {"inputs": [], "outputs": [1], "step": 1, "interval": 1}),
        ("steps", {"inputs": [0], "outputs": [2, 1], "step": 1, "interval": 1}),
        ("field_shape", [3, 3]),
        ("frequency", "often"),
        ("constants", ["lsm"]),
    ],
)
def test_a_domain_that_contradicts_itself_is_refused(checkpoint_file, key, value):
    from anemoi.core.checkpoint import container

    document = dict(container.read(checkpoint_file).document)
    document["domains"] = {"data": {**document["domains"]["data"], key: value}}
    container.write(checkpoint_file, safetensors.torch.load_file(checkpoint_file), document)
    with pytest.raises(CheckpointError, match="does not hold what its format asks for"):
        load(checkpoint_file)


def test_weights_that_share_memory_are_saved(make_checkpoint, tmp_path):
    tied = torch.randn(3)
    save(tmp_path / "c", make_checkpoint(weights={"a": tied, "b": tied}))
    assert torch.equal(load(tmp_path / "c").weights["b"], tied)


def test_the_same_checkpoint_gives_the_same_bytes(make_checkpoint, tmp_path):
    save(tmp_path / "one", make_checkpoint())
    code = "from anemoi.core.checkpoint import load, save; save('two', load('one'))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_any_change_of_the_contents_changes_the_identity(make_checkpoint, tmp_path):
    base = make_checkpoint()
    bias, domain, steps = "network.processor.inner.bias", base.domain, base.steps["data"]
    weights = {**base.weights, bias: base.weights[bias] + 1e-6}
    renamed = {("x" if name == bias else name): value for name, value in base.weights.items()}
    unknown = (dataclasses.replace(domain.variables[0], units=None), *domain.variables[1:])
    backwards = dict(reversed(base.configuration.items()))
    changes = [
        {},
        {"weights": weights},
        {"weights": renamed},
        {"weights": {**base.weights, bias: base.weights[bias][None]}},
        {"domains": {"data": dataclasses.replace(domain, variables=unknown)}},
        {"domains": {"data": dataclasses.replace(domain, frequency=np.timedelta64(3, "h"))}},
        {"steps": {"data": dataclasses.replace(steps, outputs=())}},
        {"graph": None},
        {"configuration": backwards},
        {"overrides": ()},
        {"provenance": {}},
    ]
    identities = {save(tmp_path / "c", make_checkpoint(**change)).identity for change in changes}
    assert len(identities) == len(changes)


@pytest.mark.skipif(not PAGE.exists(), reason="the page is in the tree that core is split from")
def test_the_reader_in_the_documentation_reads_it(checkpoint_file):
    """docs/checkpoint.md promises that no Anemoi is needed; its code is run as it is printed there."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    namespace = {}
    exec(code, namespace)
    document, header, body = namespace["read"](checkpoint_file)
    assert document["domains"]["data"]["frequency"] == "6h"
    begin, end = header["domains/data/statistics/mean"]["data_offsets"]
    assert body[begin:end] == struct.pack("<5d", 0.1, -0.2, 0, 0, 0)
    checkpoint_file.write_bytes(checkpoint_file.read_bytes()[:-1] + b"\xff")
    with pytest.raises(AssertionError):
        namespace["read"](checkpoint_file)


def test_safetensors_itself_reads_it(checkpoint_file):
    tensors = safetensors.torch.load_file(checkpoint_file)
    mean = torch.tensor([0.1, -0.2, 0, 0, 0], dtype=torch.float64)
    assert torch.equal(tensors["domains/data/statistics/mean"], mean)


def damaged(name):
    """Ways to spoil a checkpoint; each returns what the message must say."""

    def missing(path):
        path.unlink()
        return "no checkpoint"

    def empty(path):
        path.write_bytes(b"")
        return "is empty"

    def directory(path):
        path.unlink()
        path.mkdir()
        return "is a directory"

    def truncated(path):
        path.write_bytes(path.read_bytes()[:-5])
        return "should have"

    def truncated_header(path):
        path.write_bytes(path.read_bytes()[:200])
        return "ends within its header"

    def longer(path):
        path.write_bytes(path.read_bytes() + b"\0")
        return "should have"

    def flipped_bit(path):
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
        return "content hash"

    def other_document(path):
        header, data = split(path)
        header["__metadata__"]["document"] = header["__metadata__"]["document"].replace('"6h"', '"3h"')
        join(path, header, data)
        return "content hash"

    def renamed_tensor(path):
        header, data = split(path)
        header["weights/other"] = header.pop("weights/network.processor.inner.bias")
        join(path, header, data)
        return "content hash"

    def overlapping_tensors(path):
        header, data = split(path)
        header["weights/extra"] = header["weights/network.processor.inner.bias"]
        join(path, header, data)
        return "not whole"

    def newer(path):
        header, data = split(path)
        header["__metadata__"]["format_version"] = "3"
        join(path, header, data)
        return "format 3"

    def no_version(path):
        header, data = split(path)
        del header["__metadata__"]["format_version"]
        join(path, header, data)
        return "no format version"

    def other_safetensors(path):
        safetensors.torch.save_file({"a": torch.zeros(3)}, path, {"format": "pt"})
        return "not an Anemoi checkpoint"

    def torch_file(path):
        torch.save({"a": torch.zeros(3)}, path)
        return "pickle"

    def pickle_file(path):
        path.write_bytes(pickle.dumps({"a": 1}))
        return "pickle"

    def text(path):
        path.write_text("hello, I am a text that is somewhat longer than eight bytes\n")
        return "not an Anemoi checkpoint"

    def number_as_header(path):
        path.write_bytes(struct.pack("<Q", 1) + b"7")
        return "not an Anemoi checkpoint"

    def deep_header(path):
        path.write_bytes(struct.pack("<Q", 200_000) + b"[" * 200_000)
        return "not an Anemoi checkpoint"

    def forged(path):
        """Its hash is right, but it lacks something."""
        from anemoi.core.checkpoint import container

        tensors = safetensors.torch.load_file(path)
        del tensors["domains/data/statistics/stdev"]
        container.write(path, tensors, container.read(path).document)
        return "domains/data/statistics/stdev"

    def forged_document(path):
        from anemoi.core.checkpoint import container

        document = container.read(path).document
        container.write(path, safetensors.torch.load_file(path), {**document, "lock": [{"a": 1}]})
        return "format asks for"

    ways = [value for value in locals().values() if callable(value)]
    return ways if name is None else next(way for way in ways if way.__name__ == name)


@pytest.mark.parametrize("way", [way.__name__ for way in damaged(None)])
def test_a_file_that_is_no_whole_checkpoint_is_refused(checkpoint_file, way):
    message = damaged(way)(checkpoint_file)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(checkpoint_file)
    assert caught.value.fix
    assert str(checkpoint_file) in str(caught.value)
    if way != "forged":  # that, only one who reads the tensors can tell
        with pytest.raises(CheckpointError, match=message):
            inspect(checkpoint_file)


def test_a_pickle_is_not_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "c").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError):
        load(tmp_path / "c")
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_cannot_be_written_leaves_nothing(make_checkpoint, tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent" / "c", tmp_path / "file" / "c"):
        with pytest.raises(CheckpointError, match="cannot be written"):
            save(path, make_checkpoint())
    (tmp_path / "taken").mkdir()
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "taken", make_checkpoint())
    with pytest.raises(CheckpointError, match="not JSON"):
        save(tmp_path / "c", make_checkpoint(configuration={"model": object()}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_inspecting_needs_no_torch(checkpoint_file, tiny_site):
    code = (
        "import sys; from anemoi.core.checkpoint import inspect;"
        f"found = inspect({str(checkpoint_file)!r});"
        "print(found.parameters, dict(found.nodes), dict(found.edges));"
        "assert not {'torch', 'safetensors', 'anemoi_plugin_tiny'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tiny_site)},
    )
    assert "{'hidden': 2, 'data': 4} {'hidden -> hidden': 2, 'data -> hidden': 4" in done.stdout


def test_inspection_counts_what_the_model_has(checkpoint_file):
    model = build_model(load(checkpoint_file))
    assert inspect(checkpoint_file).parameters == sum(parameter.numel() for parameter in model.parameters())


def test_spacing_is_that_of_the_area(make_checkpoint, tmp_path):
    from anemoi.core.grid import Grid

    latitudes, longitudes = np.meshgrid(np.arange(-88.75, 90, 2.5), np.arange(0, 360, 2.5), indexing="ij")
    grid = Grid(latitudes.ravel(), longitudes.ravel())
    domain = dataclasses.replace(make_checkpoint().domain, grid=grid)
    save(tmp_path / "c", make_checkpoint(domains={"data": domain}))
    expected = np.sqrt(4 * np.pi * 6371**2 / len(grid))
    assert inspect(tmp_path / "c").spacing == {"data": pytest.approx(expected, rel=0.01)}
