"""The three doors of the kit: the function, the class for pytest, and the command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from anemoi.core.cli import main
from anemoi.core.errors import PluginError
from anemoi.core.interfaces import Capability
from anemoi.core.plugins import KINDS, components
from specimens.graph_builders import DeafPoint, EveryFifth, EveryFifthOfAll, Fixed, HungryNode
from specimens.sources import NeedsAPath

from anemoi_plugin_testing import (
    GraphContract,
    SourceContract,
    _reference,
    _whole_model,
    check,
    checks,
)
from anemoi_plugin_testing._check import BrokenContractError, Subject

HERE = Path(__file__).parent
DOCS = HERE.parents[3] / "docs"
CHECKED = list(KINDS)


def statuses(results):
    return {one.check: one.status for one in results}


def run(*words, cwd, code="import sys; from anemoi.core.cli import main; sys.exit(main())"):
    paths = os.pathsep.join([str(HERE / "site"), str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_CONFIG_HOME": str(cwd)}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120)


@pytest.fixture
def anemoi(monkeypatch, capsys, tmp_path):
    """The command, in this process and in an empty directory: exit code, standard output and error."""
    monkeypatch.syspath_prepend(HERE / "site")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main(words)
        return code, *capsys.readouterr()

    return run


class TestEveryFifth(GraphContract):
    name = EveryFifth
    options = {"neighbours": 4}  # noqa: RUF012


class TestDeafPoint(GraphContract):
    name = DeafPoint
    expected_failures = {"reaches_every_data_node": "nobody lives there"}  # noqa: RUF012


class TestOptionsFromAFixture(SourceContract):
    name = NeedsAPath

    @pytest.fixture
    def contract_options(self, tmp_path):
        return {"path": str(tmp_path)}


def test_the_class_for_pytest_fails_where_the_contract_is_broken(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "from anemoi_plugin_testing import GraphContract\n\n\n"
        "class TestHungryNode(GraphContract):\n    name = 'hungry-node'\n"
    )
    code = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    result = run("-q", "-rfs", "-p", "no:cacheprovider", "test_it.py", cwd=tmp_path, code=code)
    assert result.returncode == 1
    assert "FAILED test_it.py::TestHungryNode::test_contract[feeds_every_hidden_node]" in result.stdout
    assert "contract: Every hidden node is the target of an edge from a data node." in result.stdout
    assert "seen: 1 of 40 hidden nodes are not fed" in result.stdout
    assert f"1 failed, {len(checks('graph')) - 1} passed" in result.stdout


def test_what_builds_on_a_check_that_fails_is_skipped_to_the_end_of_the_chain():
    results = {one.check: one for one in check("source", NeedsAPath)}
    assert results["opens"].status == "fail"
    assert "path" in results["opens"].seen
    assert results["reads_states"].status == results["reads_the_same_after_pickling"].status == "skipped"
    assert results["reads_states"].seen == "it means nothing before opens passes"


def test_an_expected_failure_is_told_with_its_reason():
    results = check("graph", HungryNode, expected_failures={"feeds_every_hidden_node": "it needs nothing"})
    (found,) = [one for one in results if one.check == "feeds_every_hidden_node"]
    assert found.status == "expected-failure"
    assert found.seen == "it needs nothing (1 of 40 hidden nodes are not fed)"
    assert "fail" not in statuses(results).values()


def test_an_expected_failure_that_passes_is_a_failure():
    results = check("graph", EveryFifth, expected_failures={"feeds_every_hidden_node": "it needs nothing"})
    (found,) = [one for one in results if one.status == "fail"]
    assert found.check == "feeds_every_hidden_node"
    assert "it passes" in found.seen
    assert "it needs nothing" in found.seen


@pytest.mark.parametrize(("expected", "said"), [({"no_such": "x"}, "no_such"), ({"builds": " "}, "reason")])
def test_an_expected_failure_needs_a_check_and_a_reason(expected, said):
    with pytest.raises(PluginError, match=said):
        check("graph", EveryFifth, expected_failures=expected)


def test_a_check_that_does_not_apply_is_skipped_with_the_capability_that_decides():
    results = {one.check: one for one in check("graph", Fixed)}
    assert results["normalises_its_attributes"].status == "skipped"
    assert results["normalises_its_attributes"].seen == "it does not declare Capability.NORMALISED_ATTRIBUTES"
    assert results["feeds_every_hidden_node"].status == "skipped"
    assert results["feeds_every_hidden_node"].seen == "it declares Capability.UNFED_HIDDEN_NODES"


def test_edges_are_not_compared_between_graphs_whose_hidden_nodes_differ():
    results = {one.check: one for one in check("graph", EveryFifthOfAll)}
    assert results["joins_each_domain_on_its_own"].status == "skipped"
    assert "differ with each set of grids" in results["joins_each_domain_on_its_own"].seen


@pytest.mark.parametrize(
    ("kind", "other", "at_first"), [("processor", "mapper", 2), ("mapper", "processor", 1)]
)
def test_a_layer_is_tried_beside_those_that_are_installed(monkeypatch, kind, other, at_first):
    simplest = {"processor": _reference.MeanProcessor, "mapper": _reference.MeanMapper}
    built = []

    def fails_later(**structure):
        """Built beside the simplest first, to see whether it works at all."""
        built.append(structure)
        if len(built) > at_first:
            raise RuntimeError("out of luck")
        return simplest[other](**structure)

    installed = next(one for one in components() if one.state == "ok")
    monkeypatch.setattr(_whole_model, "components", lambda kind: [installed])
    monkeypatch.setattr(_whole_model, "load_component", lambda kind, name: fails_later)
    found = next(each for each in checks(kind) if each.name == "works_beside_other_layers")
    with pytest.raises(BrokenContractError, match=f"beside the {other} .* fails: RuntimeError: out of luck"):
        found.function(Subject(kind, "simplest", simplest[kind]))


def test_there_is_no_other_kind():
    with pytest.raises(PluginError, match="no kind of component called 'moon'"):
        checks("moon")


def test_every_kind_has_a_class_for_pytest():
    import anemoi_plugin_testing as kit

    assert {
        getattr(kit, name).kind for name in kit.__all__ if name.endswith("Contract") and len(name) > 8
    } == {*CHECKED}


def test_the_kit_needs_neither_pytest_nor_torch_before_they_are_used(tmp_path):
    code = "import sys, anemoi_plugin_testing; print([n for n in ('pytest', 'torch') if n in sys.modules])"
    assert run(cwd=tmp_path, code=code).stdout == "[]\n"


def test_the_command_reports_every_check_and_ends_with_one_where_any_fails(tmp_path):
    result = run("plugins", "check", "hungry-node", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "graph hungry-node" in result.stdout
    assert "contract: Every hidden node is the target of an edge from a data node." in result.stdout
    assert result.stdout.count("\n") >= len(checks("graph"))
    assert "1 fail" in result.stdout.splitlines()[-1]


def test_the_command_ends_with_zero_where_all_is_well(anemoi):
    assert anemoi("plugins", "check", "specimens:every-fifth")[0] == 0


def test_the_command_takes_expected_failures_with_a_reason(anemoi):
    words = ("plugins", "check", "hungry-node", "--expect-failure", "feeds_every_hidden_node=a diet")
    code, said, _ = anemoi(*words)
    assert code == 0
    assert "expected-failure  feeds_every_hidden_node: a diet (1 of 40 hidden nodes are not fed)" in said
    words = ("plugins", "check", "every-fifth", "--expect-failure", "graph.every-fifth.builds=it is new")
    code, said, _ = anemoi(*words)
    assert code == 1
    assert "it passes, but was expected to fail (it is new)" in said


def test_the_command_takes_a_reader(anemoi):
    code, said, _ = anemoi("plugins", "check", "numpy-file", "--reader", "numpy-file-reader")
    assert code == 0
    assert "  pass      is_read_back\n" in said
    assert "  skipped   is_read_back: no source" in anemoi("plugins", "check", "numpy-file")[1]


def test_the_command_checks_a_whole_distribution_and_gives_options_to_those_that_have_them(anemoi, tmp_path):
    reader = ("--reader", "numpy-file-reader")
    code, said, _ = anemoi(
        "plugins", "check", "specimens", "-o", "path=here", *reader, "--json", "--junit", "r.xml"
    )
    assert code == 1
    found = json.loads(said)
    assert {one["component"] for one in found} == {
        *("every-fifth", "hungry-node", "needs-a-path", "numpy-file", "numpy-file-reader", "sky")
    }
    failed = {(one["component"], one["check"]) for one in found if one["status"] == "fail"}
    assert failed == {("hungry-node", "feeds_every_hidden_node"), ("numpy-file-reader", "opens")}
    root = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert len(list(root.iter("testcase"))) == len(found) == int(root.get("tests"))
    assert len(list(root.iter("skipped"))) == sum(int(suite.get("skipped")) for suite in root)
    assert ["not fed" in failure.get("message") for failure in root.iter("failure")].count(True) == 1
    assert int(root.get("failures")) == sum(int(suite.get("failures")) for suite in root) == 2
    for suite in root:  # What continuous integration will not do without.
        assert {"name", "tests", "failures", "errors", "time"} <= set(suite.attrib)
        assert all({"classname", "name", "time"} == set(case.attrib) for case in suite)


def test_the_command_takes_options_from_a_configuration_that_names_the_component(anemoi, tmp_path):
    """One that leaves a value for the user to give is of no use."""
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "a.yaml").write_text("name: needs-a-path\npath: ???\n")
    assert "no default for path" in anemoi("plugins", "check", "needs-a-path")[1]
    (tmp_path / "conf" / "data" / "b.yaml").write_text(f"name: needs-a-path\npath: {tmp_path}\n")
    assert anemoi("plugins", "check", "needs-a-path")[0] == 0


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (5, ["no-such-plugin"], "No plugin installed here is called 'no-such-plugin'"),
        (2, ["every-fifth", "-o", "neighbours"], "'neighbours' is not an option"),
        (2, ["every-fifth", "-o", "strength=2"], "has an option strength"),
        (2, ["every-fifth", "--expect-failure", "builds"], "has no reason"),
        (5, ["every-fifth", "--expect-failure", "builds= "], "without a reason"),
        (2, ["every-fifth", "--expect-failure", "mapper.builds=it is new"], "has a check mapper.builds"),
        (2, ["every-fifth", "--junit", "no/such/r.xml"], "cannot be written"),
    ],
)
def test_mistakes_are_said_plainly(anemoi, code, words, said):
    ended, _, error = anemoi("plugins", "check", *words)
    assert ended == code
    assert said in error
    assert "Traceback" not in error


@pytest.mark.skipif(not DOCS.is_dir(), reason="the page is in the tree that this plugin is split from")
def test_the_documentation_has_every_check_and_its_contract():
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    for kind in CHECKED:
        for each in checks(kind):
            assert f"| `{each.name}` | {each.contract.replace('``', '`')}" in page


@pytest.mark.skipif(not DOCS.is_dir(), reason="the page is in the tree that this plugin is split from")
def test_the_documentation_has_every_capability():
    page = (DOCS / "interfaces.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == set(Capability.__members__)
