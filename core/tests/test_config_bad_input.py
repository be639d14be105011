"""Each way to write a bad configuration: one clear message, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anemoi.core.cli import main
from anemoi.core.config.files import read_value
from anemoi.core.errors import ConfigError

GOOD = b"section: {a: 1, b: x}\n"

FILES = {
    "YAML syntax": (b"a: 1\nb: [1, 2\nc: 3\n", "demo.yaml:3: not YAML"),
    "tab": (b"a:\n\t b: 1\n", "demo.yaml:2: not YAML"),
    "key twice": (b"a: 1\nb: 2\na: 3\n", "demo.yaml:3: not YAML: found duplicate key a"),
    "python object": (b"a: !!python/object/apply:os.system ['true']\n", "demo.yaml:1: not YAML"),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", "demo.yaml:2: not UTF-8 (byte 0xe9)"),
    "a list": (b"- a\n- b\n", "demo.yaml:1: a configuration must hold keys and values"),
    "a word": (b"hello\n", "demo.yaml:1: a configuration must hold keys and values"),
    "deep": (b"a: " + b"[" * 50_000, "demo.yaml:1: values lie more than 32 deep in each other"),
    "recursive": (b"a:\n  b: &a {c: *a}\n", "demo.yaml:2: the alias *a stands for what it lies in"),
    "long": (b"a: " + b"x" * 2**20, "demo.yaml: longer than 1,048,576 bytes"),
    "two documents": (b"a: 1\n---\nb: 2\n", "demo.yaml"),
    "dotted key": (b"a: 1\nb:\n  c.d: 2\n", "demo.yaml:3: the key 'c.d' must be a word without dots"),
    "number as key": (b"1: 2\n", "demo.yaml:1: the key '1' must be a word"),
    "bytes": (b"a: !!binary aGVsbG8=\n", "demo.yaml: Object of type bytes is not JSON"),
    "cycle": (b"a: ${b}\nb: ${c}\nc: ${a}\n", "demo.yaml:1: a is '${b}', which does not resolve"),
    "self-reference": (b"a: ${a}\n", "demo.yaml:1: a is '${a}', which does not resolve"),
    "cycle in a list": (b"x: 1\na: ['${a}']\n", "demo.yaml:2: a is"),
    "dangling interpolation": (
        b"x: 1\na: ${nowhere.b}\n",
        "demo.yaml:2: a is '${nowhere.b}', which does not",
    ),
    "half an interpolation": (b"a: ${b\n", "demo.yaml"),
    "missing value": (b"x: 1\na:\n  b: ???\n", "a.b must be given"),
    "defaults not a list": (b"x: 1\ndefaults: {a: b}\n", "demo.yaml:2: 'defaults' must be a list"),
    "defaults of a wrong type": (
        b"defaults:\n- _self_\n- 1\n",
        "demo.yaml:3: an item of 'defaults' must name",
    ),
    "defaults with a number": (b"defaults: [group: 12]\n", "demo.yaml:1: an item of 'defaults' must name"),
    "defaults with a section": (b"defaults: [group: {a: b}]\n", "demo.yaml:1: an item of 'defaults' must"),
    "two groups in one item": (b"defaults:\n- a: b\n  c: d\n", "demo.yaml:2: an item of 'defaults' must"),
    "defaults without the file": (
        b"x: 1\ndefaults: [nothing]\n",
        "demo.yaml:2: there is no configuration 'nothing'",
    ),
    "defaults without the group": (
        b"defaults:\n- group: nothing\n",
        "demo.yaml:2: there is no configuration group 'group'",
    ),
    "interpolation in the defaults": (
        b"x: 1\ndefaults:\n- _self_\n- group: ${nosuch}\n",
        "demo.yaml:4: the choice '${nosuch}' does not resolve",
    ),
    "defaults in a circle": (b"defaults: [demo]\n", "under 'demo' name each other in a circle"),
}

WORDS = {
    "section.a=[1,2": "Malformed override",
    "section.a": "Malformed override",
    "=": "Malformed override",
    "": "Malformed override",
    "section.a=1,2": "gives several values",
    "section.a=range(1,3)": "gives several values",
    "section=1": "'section' is a section",
    "secton.a=1": "Did you mean 'section'?",
    "section.a.b=1": "'section.a' is a value, not a section",
    "~section.c": "no key 'section.c'",
    "section.a=${section.a}": "the command line: section.a is",
    "section.a={1:2}": "a key must be a word",
    "section.a=[{b.c:2}]": "a key must be a word",
    "section.a='${b'": "the command line: section.a is '${b', which does not resolve",
    "section.a=${oc.env:NOTHING_OF_THAT_NAME}": "Environment variable 'NOTHING_OF_THAT_NAME' not found.",
    "group@package=1": "no configuration group 'group'",
    "hydra.run.dir=x": "no key 'hydra.run.dir'",
}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    conf = tmp_path / "conf"
    conf.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    return conf


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = sorted(Path.cwd().rglob("*"))
    assert main(["config", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("Error: ")
    assert "Traceback" not in output.err
    assert len(output.err.splitlines()) <= 4
    assert sorted(Path.cwd().rglob("*")) == before
    return output.err


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file(conf: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    text, expected = FILES[case]
    (conf / "demo.yaml").write_bytes(text)
    assert expected in complaint(capsys, "show", "--config", "demo")


@pytest.mark.parametrize(
    ("file", "item", "words"),
    [
        ("demo", "size: smal", ()),
        ("demo", "/size@elsewhere: smal", ()),
        ("demo", "override size: smal", ()),
        ("demo", "optional size: smal", ()),
        ("demo", "size: [large, smal]", ()),
        ("demo", "size/smal", ()),
        ("extra/one", "override /size: smal", ("+extra=one",)),
        ("size/large", "smal", ()),
    ],
)
def test_a_choice_that_is_not_there_is_named_with_its_place_and_the_choices(
    conf: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    item: str,
    words: tuple[str, ...],
) -> None:
    site = conf.parent / "site"
    for name, text in {
        "site/demo": "defaults: [size: large]\n",
        "site/size/large": "a: 1\n",
        "site/size/small": "a: 2\n",
        f"conf/{file}": f"# @package _global_\n\ndefaults:\n  - _self_\n  - {item}\n",
    }.items():
        (conf.parent / f"{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (conf.parent / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(site))
    error = complaint(capsys, "show", "--config", "demo", *words)
    assert error.startswith(
        f"Error: {conf / file}.yaml:5: there is no 'smal' in the configuration group 'size'"
    )
    assert "Did you mean 'small'? There are: large, small." in error


def test_a_choice_of_the_command_line_blames_no_file(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (conf / "model").mkdir()
    (conf / "model" / "small.yaml").write_bytes(GOOD)
    (conf / "demo.yaml").write_text("defaults: [model: small]\n")
    error = complaint(capsys, "show", "--config", "demo", "model=smal")
    assert error.startswith(
        "Error: There is no 'smal' in the configuration group 'model'.\nDid you mean 'small'?"
    )


def test_a_choice_of_the_command_line_that_does_not_resolve(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (conf / "model").mkdir()
    (conf / "model" / "small.yaml").write_bytes(GOOD)
    (conf / "demo.yaml").write_text("defaults: [model: small]\n")
    error = complaint(capsys, "show", "--config", "demo", "model=${nosuch}")
    assert error.startswith("Error: 'model=${nosuch}': the choice '${nosuch}' does not resolve.")


@pytest.mark.parametrize("word", WORDS)
def test_a_bad_override(conf: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    (conf / "demo.yaml").write_bytes(GOOD)
    assert WORDS[word] in complaint(capsys, "show", "--config", "demo", "--", word)


def test_an_unknown_configuration(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (conf / "demo.yaml").write_bytes(GOOD)
    error = complaint(capsys, "show", "--config", "demmo")
    assert "no configuration 'demmo'" in error
    assert "'demo'" in error


def test_an_unknown_key_to_explain(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (conf / "demo.yaml").write_bytes(GOOD)
    assert "Did you mean 'section.a'?" in complaint(capsys, "explain", "section.aa", "--config", "demo")


def test_a_site_directory_that_is_not_there(
    conf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (conf / "demo.yaml").write_bytes(GOOD)
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(conf / "nothing"))
    assert "ANEMOI_SITE_CONFIG" in complaint(capsys, "show", "--config", "demo")


def test_what_is_no_file_is_called_what_it_is(
    conf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (conf.parent / "site").mkdir()
    (conf.parent / "site" / "demo.yaml").write_bytes(GOOD)
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(conf.parent / "site"))
    (conf / "demo.yaml").mkdir()
    error = complaint(capsys, "show", "--config", "demo")
    assert "demo.yaml is a directory, not a YAML file." in error
    assert "permissions" not in error
    (conf / "demo.yaml").rmdir()
    (conf / "demo.yaml").symlink_to("gone.yaml")
    error = complaint(capsys, "show", "--config", "demo")
    assert "demo.yaml is a link to gone.yaml, which does not exist." in error
    assert "permissions" not in error


def test_a_file_in_the_place_of_a_directory_is_listed_as_one(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf.rmdir()
    assert main(["config", "layers"]) == 0
    assert f"{conf}  (there is no such directory)" in capsys.readouterr().out
    conf.write_text("a file")
    assert main(["config", "layers"]) == 0
    assert f"{conf}  (it is not a directory)" in capsys.readouterr().out


def refuse(monkeypatch: pytest.MonkeyPatch, method: str, refused: Path) -> None:
    """Make one path forbidden: chmod does not stop the user root, whom tests may run as."""
    original = getattr(Path, method)

    def forbidden(self: Path, *arguments: object, **options: object) -> object:
        if self == refused:
            raise PermissionError(13, os.strerror(13), str(self))
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, method, forbidden)


@pytest.mark.parametrize(
    ("method", "name", "expected"),
    [
        ("read_bytes", "demo.yaml", "demo.yaml: Permission denied"),
        ("iterdir", "", "Cannot read the configuration directory"),
        ("is_file", "demo.yaml", "Cannot read the configuration directory"),
        ("is_dir", "", "Cannot look for the configuration directory"),
    ],
)
def test_what_may_not_be_read(
    conf: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    name: str,
    expected: str,
) -> None:
    (conf / "demo.yaml").write_bytes(GOOD)
    refuse(monkeypatch, method, conf / name)
    error = complaint(capsys, "show", "--config", "demo")
    assert expected in error
    assert "permissions" in error


def test_a_value_of_the_command_line_that_is_too_deep_is_refused() -> None:
    with pytest.raises(ConfigError, match="--source path:1: values lie more than 32 deep"):
        read_value("[" * 50_000, of="--source path")
