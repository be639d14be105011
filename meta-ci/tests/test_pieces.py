"""The pieces that need no environment."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from anemoi_meta_ci.bisect import first_bad
from anemoi_meta_ci.builders import Builders
from anemoi_meta_ci.cells import Cell, affected, exclusions_of, expand, touched
from anemoi_meta_ci.errors import MetaCIError
from anemoi_meta_ci.github import strategy
from anemoi_meta_ci.matrix import Matrix, check, load, schema
from anemoi_meta_ci.planned import Planned
from anemoi_meta_ci.release import bump, fragments
from anemoi_meta_ci.resolve import Lock, question
from anemoi_meta_ci.results import Result, against
from anemoi_meta_ci.uv import find_python

SCHEMA = Path(__file__).parents[2] / "compat-matrix.schema.json"

SMALL = {
    "version": 1,
    "lines": {"new": {"core": {"path": "core"}}, "old": {"core": {"git": ".", "ref": "v1"}}},
    "plugins": {"anemoi-plugin-a": {"source": {"path": "a"}}, "anemoi-plugin-b": {"source": {"path": "b"}}},
    "legs": {
        "full": {
            "lines": ["new", "old"],
            "python": ["3.11", "3.12"],
            "torch": ["2.13.0"],
            "with": {"zarr": ["<3", ">=3"]},
        }
    },
}


def small(**changes):
    return Matrix.model_validate({**SMALL, **changes})


def test_cells_are_every_combination_of_the_axes():
    cells = expand(small())
    expected = {
        f"{line}/py{python}/torch2.13.0/highest/zarr{zarr}/anemoi-plugin-{plugin}"
        for line, python, zarr, plugin in itertools.product(
            ("new", "old"), ("3.11", "3.12"), ("<3", ">=3"), "ab"
        )
    }
    assert {cell.id for cell in cells} == expected
    assert len(cells) == len(expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"plugins": {"anemoi-plugin-a": {"source": {}}}}, "plugins.anemoi-plugin-a.source"),
        ({"plugins": {"Anemoi_Plugin_A": {"source": {"path": "a"}}}}, "'anemoi-plugin-a'"),
        ({"plugins": {"anemoi-plugin-a": {"source": {"index": "one"}}}}, "one is no range of versions"),
        ({"plugins": {"anemoi-plugin-a": {"source": {"index": ">=2,<1"}}}}, ">=2,<1 contradicts itself"),
        (
            {"legs": {"x": {"lines": ["new"], "python": ["3.11"], "with": {"zarr": [">3,<3"]}}}},
            "zarr>3,<3 contradicts itself",
        ),
        ({"legs": {"x": {"lines": ["newer"], "python": ["3.11"]}}}, "no line 'newer'; there are new, old"),
        ({"legs": {"x": {"lines": ["new"], "python": ["3.11"], "smoke": True}}}, "the matrix has no smoke"),
        (
            {"exclusions": [{"reason": "r", "link": "https://x", "expires": "2030-01-01"}]},
            "a plugin or a cell",
        ),
        ({"exclusions": [{"plugin": "*", "link": "https://x", "expires": "2030-01-01"}]}, "reason"),
        ({"kit": "anemoi-plugin-c"}, "kit: no plugin 'anemoi-plugin-c'"),
        ({"legz": {}}, "legz"),
    ],
)
def test_a_matrix_that_is_wrong_says_where(tmp_path, change, says):
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps({**SMALL, **change}))
    with pytest.raises(MetaCIError, match=says):
        load(path)


def test_a_matrix_that_is_not_there_or_not_yaml(tmp_path):
    with pytest.raises(MetaCIError, match="Cannot read"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "m.yaml").write_text("a: [")
    with pytest.raises(MetaCIError, match="is not YAML"):
        load(tmp_path / "m.yaml")


@pytest.mark.parametrize(
    "specifier", ["", "<3", ">3,<3.1", "==2.*,>=2.5", "~=1.4", "!=1", "==1.0.dev1", ">=1rc1"]
)
def test_a_range_that_has_versions_is_none_that_contradicts_itself(specifier):
    check(specifier)


def test_two_plugins_of_one_name_are_an_error(tmp_path):
    path = tmp_path / "m.yaml"
    text = "version: 1\nplugins:\n  anemoi-plugin-a: {source: {path: a}}\n"
    path.write_text(text + "  anemoi-plugin-a: {source: {path: b}}\n")
    with pytest.raises(MetaCIError, match="'anemoi-plugin-a' stands there twice"):
        load(path)


def test_exclusions_match_by_plugin_and_by_cell():
    matrix = small(
        exclusions=[
            {"plugin": "*-a", "cell": "old/*", "reason": "r", "link": "https://x", "expires": "2030-01-01"}
        ]
    )
    hit = {cell.id for cell in expand(matrix) if exclusions_of(cell, matrix.exclusions)}
    assert len(hit) == 4
    assert all(name.startswith("old/") and name.endswith("-a") for name in hit)


@pytest.mark.parametrize(
    ("changed", "subjects"),
    [
        (["a/src/x.py"], {"anemoi-plugin-a", "anemoi-plugin-b"}),
        (["b/README.md"], {"anemoi-plugin-b"}),
        (["shared/y.py"], {"anemoi-plugin-b"}),
        (["core/src/y.py"], {"anemoi-plugin-a", "anemoi-plugin-b"}),
        (["compat-matrix.yaml"], {"anemoi-plugin-a", "anemoi-plugin-b"}),
        (["docs/index.md"], set()),
        (["docs/index.md", "b/x.py"], {"anemoi-plugin-b"}),
    ],
)
def test_a_change_matters_to_what_needs_it(tmp_path, changed, subjects):
    for folder in ("a", "b", "core", "shared", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "b/linked").symlink_to(tmp_path / "shared")
    cells = expand(small())
    needs = {"anemoi-plugin-a": set(), "anemoi-plugin-b": {"anemoi-plugin-a"}}
    plugins = touched(small(), changed, tmp_path)
    found = cells if plugins is None else affected(cells, plugins, needs)
    assert {cell.subject for cell in found} == subjects


def result(name, state, seconds=0.0):
    return Result(name, name, "e", name, "plugin", state, seconds=seconds)


@pytest.mark.parametrize(
    ("now", "before", "called"),
    [
        ("pass", "pass", "pass"),
        ("pass", "fail", "fixed"),
        ("fail", "pass", "regressed"),
        ("fail", "fail", "broken-before"),
        ("fail", "regressed", "broken-before"),
        ("fail", None, "fail"),
        ("flaky", "pass", "flaky"),
        ("fail", "declared-incompatible", "fail"),
    ],
)
def test_a_state_beside_the_earlier_one(now, before, called):
    baseline = [] if before is None else [result("a", before)]
    assert against([result("a", now)], baseline)[0].state == called


def test_shards_take_about_as_long_as_each_other():
    cells = expand(small())
    planned = [Planned(cell, locks=(Lock(""),)) for cell in cells]
    seconds = {cell.id: float(1 + index) for index, cell in enumerate(cells)}
    earlier = [replace(result(name, "pass"), seconds=each) for name, each in seconds.items()]
    shards = strategy(planned, earlier, 4)["include"]
    loads = [sum(seconds[name] for name in shard["cells"]) for shard in shards]
    assert sorted(name for shard in shards for name in shard["cells"]) == sorted(seconds)
    assert max(loads) <= 4 / 3 * sum(seconds.values()) / 4


@pytest.mark.parametrize("bad_from", range(9))
def test_halving_finds_the_first_bad_commit(bad_from):
    commits = [str(number) for number in range(8)]
    asked = []

    def is_good(commit):
        asked.append(commit)
        return int(commit) < bad_from

    assert first_bad(commits, is_good) == (None if bad_from == 8 else str(bad_from))
    assert len(asked) <= 4


@pytest.mark.parametrize(
    ("released", "kinds", "follows"),
    [
        (None, ["breaking"], "0.1.0"),
        ("0.1.0", ["fix"], "0.1.1"),
        ("0.1.0", ["feature"], "0.1.1"),
        ("0.1.3", ["fix", "breaking"], "0.2.0"),
        ("1.2.3", ["feature", "fix"], "1.3.0"),
        ("1.2.3", ["fix"], "1.2.4"),
        ("1.2.3", ["breaking"], "2.0.0"),
    ],
)
def test_versions_follow_from_the_kinds_of_changes(released, kinds, follows):
    assert bump(released, "0.1.0", kinds) == follows


def test_a_fragment_may_name_a_version(tmp_path):
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "numpy-2.2.fix.md").write_text("It works with NumPy 2.2.")
    assert fragments(tmp_path) == [("fix", "It works with NumPy 2.2.")]


def test_a_fragment_of_no_known_kind_is_an_error(tmp_path):
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "x.misc.md").write_text("?")
    with pytest.raises(MetaCIError, match="no changelog fragment"):
        fragments(tmp_path)


@pytest.mark.skipif(not SCHEMA.exists(), reason="the schema is in the tree that meta-CI is split from")
def test_the_published_schema_is_that_of_the_model():
    assert json.loads(SCHEMA.read_text()) == schema()


BACKEND = """
import hatchling.build

def get_requires_for_build_wheel(config_settings=None):
    return ["pyyaml"]

def build_wheel(*words, **more):
    import yaml
    return hatchling.build.build_wheel(*words, **more)
"""


def project(folder, *, backend='build-backend = "hatchling.build"'):
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\n{backend}\n'
        f'[project]\nname = "{folder.name}"\nversion = "1"\n'
        "[tool.hatch.build.targets.wheel]\nbypass-selection = true\n"
    )
    return folder


def test_projects_that_are_built_with_the_same_tools_share_an_environment(tmp_path):
    builders = Builders()
    for name in ("a", "b"):
        builders.build(project(tmp_path / name), tmp_path / "out")
    assert sorted(path.name[0] for path in (tmp_path / "out").glob("*.whl")) == ["a", "b"]
    assert len(list(builders.folder.iterdir())) == 1
    folder = builders.folder
    del builders
    assert not folder.exists()


def test_a_backend_that_asks_for_more_than_its_project_names_has_it(tmp_path):
    made = project(tmp_path / "more", backend='build-backend = "backend"\nbackend-path = ["."]')
    (made / "backend.py").write_text(BACKEND)
    Builders().build(made, tmp_path / "out")
    assert [path.name[:7] for path in (tmp_path / "out").glob("*.whl")] == ["more-1-"]


def test_the_newest_of_several_pythons_is_found_by_number_and_not_by_spelling(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    for version in ("3.77.9", "3.77.10", "3.7.1"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
        (tmp_path / "versions" / version / "bin" / "python").touch()
    assert find_python("3.77") == str(tmp_path / "versions/3.77.10/bin/python")
    assert find_python("3.78") is None
    assert find_python(f"{sys.version_info.major}.{sys.version_info.minor}") == sys.executable


def test_a_plugin_whose_tests_need_nothing_is_asked_about_once():
    cell = Cell("plugin", "anemoi-plugin-a", "new", "3.11", "", "highest", ())
    plain, tested = (SimpleNamespace(name="a", extras=extras) for extras in ((), ("test",)))
    asked = {"torch": None, "extra": ("a", "test")}
    assert question(cell, [plain], **asked) == question(cell, [plain], torch=None)
    assert question(cell, [tested], **asked).extra == ("a", "test")
