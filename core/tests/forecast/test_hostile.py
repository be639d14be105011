"""Checkpoints that nobody should trust: refused with words, or shown without harm."""

from __future__ import annotations

import dataclasses
import json

import pytest
from torch import nn

from anemoi.core.checkpoint import build_model, container, inspect, load
from anemoi.core.checkpoint.document import requirement
from anemoi.core.cli import main
from anemoi.core.errors import CheckpointError
from anemoi.core.interfaces import Processor
from anemoi.core.printable import printable


@pytest.fixture
def forged(checkpoint_file, tmp_path):
    """A whole file, its hash right, whose document was changed."""

    def forged_(change):
        contents = container.read(checkpoint_file)
        document = json.loads(json.dumps(contents.document))
        change(document)
        from anemoi.core.checkpoint import layout

        tensors = {name: layout.tensor(stored) for name, stored in contents.tensors.items()}
        path = tmp_path / "forged.safetensors"
        container.write(path, tensors, document)
        return path

    return forged_


def reshaped(path, change):
    """Change the header of a file; its hash no longer fits, which is looked at later."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(next(value for name, value in header.items() if name.startswith("weights/")))
    encoded = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data[8 + length :])


CHANGES = {
    "no overrides": lambda document: document.pop("overrides"),
    "overrides in a text": lambda document: document.update(overrides="a b"),
    "no model": lambda document: document["configuration"].pop("model"),
    "a number for the forcings": lambda document: document["configuration"].update(forcings=7),
    "a list in the lock": lambda document: document["lock"][0].update(version=["1"]),
    "more in the lock": lambda document: document["lock"][0].update(more=1),
    "a mapping for the time": lambda document: document["provenance"].update(created={}),
    "parents in a text": lambda document: document["provenance"].update(parents="x"),
    "an option for a version": lambda document: document["provenance"].update(
        versions={"anemoi-core": "1\n--index-url http://example.org"}
    ),
    "no steps": lambda document: document["domains"]["data"].pop("steps"),
    "a text for a graph": lambda document: document.update(graph="x"),
    "a variable without a name": lambda document: document["domains"]["data"]["variables"][0].pop("name"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_document_that_is_none_is_refused(forged, change, capsys):
    path = forged(change)
    for read in (load, inspect):
        with pytest.raises(CheckpointError, match="does not hold what its format asks for"):
            read(path)
    for words in (["inspect"], ["inspect", "--json"], ["requirements"]):
        assert main(["checkpoint", *words, str(path)]) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.update(shape=[10**12]),
        lambda tensor: tensor.update(shape=[-1, -16]),
        lambda tensor: tensor.update(dtype="X9"),
        lambda tensor: tensor.update(dtype="F64"),
    ],
    ids=["huge", "negative", "junk", "wider"],
)
def test_a_tensor_of_another_size_than_its_bytes_is_refused(checkpoint_file, change):
    reshaped(checkpoint_file, change)
    for read in (load, inspect):
        with pytest.raises(CheckpointError, match="its header is not whole"):
            read(checkpoint_file)


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        ("x\n--index-url http://example.org/", "1.0"),
        ("--index-url", "1.0"),
        ("x", "1.0 --hash=sha256:00"),
        ("x", "1.0\n-r other.txt"),
        ("x @ file:///tmp", "1"),
        ("x", "1.0; python_version > '3'"),
        ("x", ">=1"),
        ("x[extra]", "1.0"),
        ("", "1.0"),
        ("x", ""),
    ],
)
def test_what_is_no_requirement_is_not_printed(forged, capsys, distribution, version):
    with pytest.raises(ValueError, match="no requirement"):
        requirement(distribution, version)
    path = forged(lambda document: document["lock"][0].update(distribution=distribution, version=version))
    assert main(["checkpoint", "requirements", "--all", str(path)]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "is not what pip takes" in captured.err


def test_requirements_are_what_they_were():
    for version in ("1.0", "0.2.dev1+g123", "2!1.0.post1", "1.0rc1"):
        assert requirement("anemoi-plugin-gnn", version) == f"anemoi-plugin-gnn=={version}"


ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp.exe\x08"


def test_what_a_terminal_would_act_on_is_escaped(forged, capsys):
    def change(document):
        document["overrides"] = [ESCAPES]
        document["provenance"]["command"] = f"anemoi {ESCAPES}"
        document["lock"][0]["name"] = ESCAPES
        document["domains"]["data"]["variables"][0]["units"] = ESCAPES

    path = forged(change)
    for words in (["checkpoint", "inspect"], ["provenance"], ["provenance", "verify"]):
        main([*words, str(path)])
        captured = capsys.readouterr()
        for character in "\x1b\x07\x9b\u202e\x08":
            assert character not in captured.out + captured.err, words
    main(["forecast", str(path), "--date", "2020-01-02T06", "--output", "x.npz"])
    assert "\x1b" not in capsys.readouterr().err


def test_ordinary_text_is_left_as_it_is():
    for text in ("t_850 [m s**-1]", "Zürich, 東京\n\tñ", "🌍"):
        assert printable(text) == text
    assert printable(ESCAPES) == r"\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp.exe\x08"
    assert printable("\ud800") == r"\ud800"


def test_the_lock_of_a_checkpoint_is_one_of_requirements(make_checkpoint):
    for entry in make_checkpoint().lock:
        assert entry.requirement == f"{entry.distribution}=={entry.version}"
        with pytest.raises(ValueError, match="no requirement"):
            _ = dataclasses.replace(entry, version="1 2").requirement


class Deep(Processor):
    """As many layers as it is asked for, with weights or without."""

    def __init__(self, *, nodes, edges, channels, num_layers: int = 1, weighted: bool = True):
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        self.layers = nn.ModuleList()
        for number in range(num_layers):
            assert number < 10_000_000, "nothing stops it"
            self.layers.append(nn.Linear(channels, channels) if weighted else nn.Identity())

    def forward(self, x, condition=None):
        for layer in self.layers:
            x = layer(x)
        return x


@pytest.mark.parametrize(
    ("model", "made"),
    [
        ({"channels": 2**20}, "weights"),
        ({"processor": {"num_layers": 10**8}}, "modules"),
        ({"processor": {"num_layers": 10**8, "weighted": False}}, "modules"),
        ({"channels": 3000, "processor": {"num_layers": 10**8}}, "weights"),
    ],
    ids=["wide", "deep", "without weights", "both"],
)
def test_a_model_larger_than_its_file_is_not_built(make_checkpoint, model, made):
    checkpoint = make_checkpoint()
    configuration = json.loads(json.dumps(checkpoint.configuration))
    part = {"_target_": f"{__name__}.Deep", **model.get("processor", {})}
    configuration["model"] |= {**model, "processor": part}
    asking = make_checkpoint(configuration=configuration, lock=())
    with pytest.raises(CheckpointError, match=f"asks for a model of more than [0-9,]+ {made}"):
        build_model(asking, trust_code=True)
    build_model(checkpoint)  # and what is no larger is built, after that too
