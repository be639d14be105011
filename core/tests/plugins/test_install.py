"""Installing from a known-good set, with pip, into an environment of the test's own."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from anemoi.core.cli.main import main
from anemoi.core.errors import PluginError
from anemoi.core.plugins import choose, install, known_good_set


def wheel(index: Path, name: str, version: str, *requires: str) -> str:
    """Write a wheel that holds nothing; its sha256."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = index / f"{stem}-py3-none-any.whl"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{stem}.dist-info/METADATA", "\n".join(lines) + "\n")
        file.writestr(
            f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{stem}.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder of wheels, and their hashes."""
    folder = tmp_path_factory.mktemp("index")
    hashes = {
        f"{name}=={version}": wheel(folder, name, version, *requires)
        for word in ("one", "two", "three", "four", "five")
        for version in ("1.0", "2.0")
        for name, requires in (
            (f"anemoi-plugin-{word}", (f"below-{word}>=1",)),
            (f"below-{word}", ()),
        )
    }
    return folder, hashes


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    return str(folder / "bin" / "python")


@pytest.fixture(autouse=True)
def only_the_index(index, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index[0]))


def versions(python: str) -> set[str]:
    said = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return {line.partition(" @")[0] for line in said.stdout.splitlines()}


def known_good(path: Path, hashes: dict[str, str], *pins: str) -> str:
    lines = [f"{pin} \\\n    --hash=sha256:{hashes.get(pin, '0' * 64)}" for pin in pins]
    path.write_text("# proved\n" + "\n".join(lines) + "\n")
    return str(path)


def test_the_set_decides_the_versions_also_of_what_a_plugin_requires(index, python, tmp_path):
    file = known_good(tmp_path / "set.txt", index[1], "anemoi-plugin-one==1.0", "below-one==1.0")
    done = install(["anemoi-plugin-one"], file, python=python)
    assert [(each.name, each.version, each.proved) for each in done] == [
        ("anemoi-plugin-one", "1.0", True),
        ("below-one", "1.0", True),
    ]
    assert {"anemoi-plugin-one==1.0", "below-one==1.0"} <= versions(python)
    assert install(["anemoi-plugin-one"], file, python=python) == []


def test_what_the_set_does_not_know_is_installed_and_said_to_be_unproved(index, python, tmp_path):
    file = known_good(tmp_path / "set.txt", index[1], "below-two==1.0")
    done = install(["anemoi-plugin-two"], file, python=python)
    assert [(each.name, each.version, each.proved) for each in done] == [
        ("anemoi-plugin-two", "2.0", False),
        ("below-two", "1.0", True),
    ]


def test_a_set_for_many_machines_has_a_version_for_this_one(index, python, tmp_path):
    pins = ('below-five==1.0; python_version < "3"', 'below-five==2.0; python_version >= "3"')
    lines = [f"{pin} --hash=sha256:{index[1][pin.partition(';')[0]]}" for pin in pins]
    (tmp_path / "set.txt").write_text("\n".join(lines))
    done = install(["below-five"], str(tmp_path / "set.txt"), python=python)
    assert [(each.version, each.proved) for each in done] == [("2.0", True)]


def test_another_file_than_the_proved_one_is_refused_and_nothing_installed(index, python, tmp_path):
    file = known_good(tmp_path / "set.txt", {}, "anemoi-plugin-three==1.0", "below-three==1.0")
    before = versions(python)
    with pytest.raises(PluginError, match="DO NOT MATCH THE HASHES"):
        install(["anemoi-plugin-three"], file, python=python)
    assert versions(python) == before


def test_a_version_that_the_set_forbids_is_refused(index, python, tmp_path):
    file = known_good(tmp_path / "set.txt", index[1], "anemoi-plugin-three==1.0")
    with pytest.raises(PluginError, match="anemoi-plugin-three>=2"):
        install(["anemoi-plugin-three>=2"], file, python=python)


def test_without_a_set_the_newest_is_installed(python):
    done = install(["anemoi-plugin-four"], None, python=python)
    assert [each.version for each in done] == ["2.0", "2.0"]


def test_without_a_set_the_line_of_core_is_kept(index, python):
    wheel(index[0], "anemoi-core", "0.1.0")
    wheel(index[0], "anemoi-core", "0.2.1")
    wheel(index[0], "anemoi-plugin-lines", "1.0", "anemoi-core>=0.1,<0.2")
    wheel(index[0], "anemoi-plugin-lines", "2.0", "anemoi-core>=0.2,<0.3")
    done = install(["anemoi-plugin-lines"], None, line="0.1", python=python)
    assert [(each.name, each.version) for each in done] == [
        ("anemoi-core", "0.1.0"),
        ("anemoi-plugin-lines", "1.0"),
    ]


def test_an_environment_without_pip_is_named(tmp_path):
    venv.create(tmp_path / "bare", with_pip=False)
    with pytest.raises(PluginError, match="no pip"):
        install(["anemoi-plugin-one"], None, python=str(tmp_path / "bare/bin/python"))


@pytest.mark.parametrize("constraints", ["absent.txt", "file:///absent.txt", "nosuch://set"])
def test_a_set_that_cannot_be_read_is_named(constraints):
    with pytest.raises(PluginError, match=constraints):
        install(["anemoi-plugin-one"], constraints, python=sys.executable)


@pytest.fixture(autouse=True)
def no_set_of_anybody(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)


def published(folder: Path, *plugins: dict[str, object], **more: object) -> str:
    """Write a catalogue; its path."""
    path = folder / "catalogue.json"
    empty = {"summary": "", "version": "1", "install": "", "compatibility": [], "components": []}
    path.write_text(json.dumps({"plugins": [{**empty, **each} for each in plugins], **more}))
    return str(path)


SWIRL = {"name": "anemoi-plugin-swirl", "components": [{"kind": "processor", "name": "swirl"}]}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("icosahedral", "anemoi-plugin-graphs"),
        ("Icosahedral>=0.1", "anemoi-plugin-graphs>=0.1"),
        ("anemoi-plugin-graphs", "anemoi-plugin-graphs"),
        ("anemoi-plugin-graphs>=0.1", "anemoi-plugin-graphs>=0.1"),
        ("graphs", "anemoi-plugin-graphs"),
        ("netcdf", "anemoi-plugin-netcdf"),  # which earthkit offers too
        ("swirl", "anemoi-plugin-swirl"),
    ],
)
def test_a_component_or_a_distribution_may_be_named(name, meant, tmp_path):
    assert choose([name], catalogue=published(tmp_path, SWIRL)).requirements == (meant,)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("storms", "No plugin or component 'storms' is in"),
        ("anemoi-plugin-storms==1", "No plugin or component 'anemoi-plugin-storms' is in"),
        ("icosahedrol", "Did you mean icosahedral"),
        ("./folder", "No plugin or component './folder' is in"),
        ("--index-url", "No plugin or component '--index-url' is in"),
        ("vortex", "anemoi-plugin-a and anemoi-plugin-b each have a component 'vortex'"),
    ],
)
def test_what_is_not_known_or_not_one_thing_is_refused(name, said, tmp_path):
    vortex = [{"kind": "processor", "name": "vortex"}]
    twice = ({"name": f"anemoi-plugin-{each}", "components": vortex} for each in "ab")
    with pytest.raises(PluginError, match=re.escape(said)):
        choose([name], catalogue=published(tmp_path, *twice))


def test_a_distribution_of_the_set_is_known(index, tmp_path):
    file = known_good(tmp_path / "set.txt", index[1], "anemoi-plugin-one==1.0")
    assert choose(["one"], constraints=file).requirements == ("anemoi-plugin-one",)


def test_the_catalogue_has_a_set_for_each_line_of_core(index, tmp_path):
    line = ".".join(version("anemoi-core").split(".")[:2])
    file = known_good(tmp_path / "known-good.txt", index[1], "anemoi-plugin-swirl==1.0")
    for sets, meant in (({line: "known-good.txt"}, file), ({"0.0": "known-good.txt"}, None)):
        place = published(tmp_path, SWIRL, known_good=sets)
        assert choose(["swirl"], catalogue=place).constraints == meant
        address = Path(place).as_uri()
        assert choose(["swirl"], catalogue=address).constraints == (meant and Path(meant).as_uri())


def test_what_was_proved_with_this_line_is_said(tmp_path):
    here = version("anemoi-core")
    proofs = [
        {"line": "main", "core": here, "state": "fails", "good": 7, "cells": 9},
        {"line": "old", "core": "0.0.1", "state": "works", "good": 9, "cells": 9},
    ]
    tried = {**SWIRL, "compatibility": proofs}
    choice = choose(["swirl", "graphs"], catalogue=published(tmp_path, tried))
    line = ".".join(here.split(".")[:2])
    assert choice.compatibility == {
        "anemoi-plugin-swirl": f"fails with anemoi-core {here} (7 of 9 environments)",
        "anemoi-plugin-graphs": f"not tried with anemoi-core {line}",
    }


def test_what_is_declared_is_said_where_nothing_is_proved():
    [said] = choose(["zarr"]).compatibility.values()
    assert re.fullmatch(r"declares anemoi-core>=\S+,<\S+", said)


def test_a_distribution_without_components_is_known():
    assert choose(["layers"]).requirements == ("anemoi-plugin-layers",)


def test_the_set_of_the_institution_comes_before_that_of_the_user(tmp_path, monkeypatch):
    site, user = tmp_path / "site", tmp_path / "config" / "anemoi"
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(site))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user.parent))
    for directory in (site, user):
        directory.mkdir(parents=True)
    assert known_good_set() is None
    (user / "known-good.txt").touch()
    assert known_good_set() == user / "known-good.txt"
    (site / "known-good.txt").touch()
    assert known_good_set() == site / "known-good.txt"


def test_a_mistake_is_one_message_and_exit_code_5(capsys):
    assert main(["plugins", "install", "icosahedral", "--constraints", "absent.txt"]) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert "absent.txt cannot be read: No such file or directory." in said.err
