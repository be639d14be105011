"""Plugins built to fail, each called by its right name."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from xml.etree import ElementTree

import pytest

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MATRIX = f"""
version: 1
timeout: 25
lines:
  new: {{core: {{path: core-2}}}}
  old: {{core: {{path: core-1}}, plugins: {{path: "plugins/anemoi-plugin-good"}}}}
plugins:
{{plugins}}
kit: anemoi-plugin-kit
legs:
  all: {{lines: [new, old], python: ["{PYTHON}"], smoke: true}}
  lowest:
    lines: [new]
    python: ["{PYTHON}"]
    resolution: [lowest-direct]
    plugins: [anemoi-plugin-good, anemoi-plugin-liar]
smoke:
  plugins: [anemoi-plugin-good]
  write: [anemoi train]
  read: [anemoi forecast]
exclusions:
  - {{plugin: anemoi-plugin-known, reason: known to fail, link: "https://example.org/1", expires: 2999-01-01}}
  - {{plugin: anemoi-plugin-mended, reason: was mended, link: "https://example.org/2", expires: 2999-01-01}}
  - plugin: anemoi-plugin-one-test
    test: tests/test_own.py::test_bad
    reason: one test
    link: https://example.org/3
    expires: 2999-01-01
"""
LATE = "\nassert NEWS is not None, 'it takes what the older core does not have'\n"
TAKES_A_COMPANION = """
Component.check = staticmethod(lambda: __import__("anemoi_plugin_companion"))
"""
LIAR = "\nimport helper_of_the_liar as helper\nhelper.since_two()\n"
THE_WHEEL = """
import pathlib, sys, anemoi_plugin_good
def test_it():
    assert pathlib.Path("tests/test_own.py").is_file()  # it runs where its authors run it
    assert (pathlib.Path(__file__).parents[1] / "src/anemoi_plugin_good").is_dir()
    assert pathlib.Path(sys.prefix) in pathlib.Path(anemoi_plugin_good.__file__).parents
"""
FAILS = "def test_bad():\n    assert False\n"


@pytest.fixture(scope="module")
def ran(world, tmp_path_factory):
    marker = tmp_path_factory.mktemp("flaky") / "ran"
    flaky = f"""
        import pathlib
        def test_it():
            marker = pathlib.Path({str(marker)!r})
            first = not marker.exists()
            marker.touch()
            assert not first
    """
    plugins = {
        "good": {"test": THE_WHEEL},
        "late": {"code": LATE},
        "tight": {"requires": ("anemoi-core>=1,<2",)},
        "liar": {"code": LIAR, "requires": ("anemoi-core>=1", "helper-of-the-liar>=1")},
        "flaky": {"test": textwrap.dedent(flaky)},
        "hangs": {"test": "import time\ndef test_it():\n    time.sleep(1000)\n"},
        "undeclared": {"code": "\nimport yaml\n"},
        "unbuilt": {},
        "known": {"test": FAILS},
        "mended": {},
        "one-test": {"test": FAILS + "def test_good():\n    pass\n"},
        "kit": {"requires": ("anemoi-core>=2",)},
        "checked": {},
        "leaning": {"code": "\nimport anemoi_plugin_kit\n"},
        "companion": {"requires": ("anemoi-core>=1", "anemoi-plugin-good")},
        "accompanied": {"code": TAKES_A_COMPANION, "check": ["anemoi-plugin-companion"]},
        "alone": {"code": TAKES_A_COMPANION},
    }
    for name, how in plugins.items():
        world.plugin(f"anemoi-plugin-{name}", **how)
    (world.root / "plugins/anemoi-plugin-unbuilt/pyproject.toml").write_text("[project]\nname = 3\n")
    for version, code in (("1.0.0", ""), ("2.0.0", "def since_two():\n    pass\n")):
        files = {"src/{package}/__init__.py": code}
        world.distribution(f"helper-{version}", "helper-of-the-liar", version, files)
        built = ["-m", "pip", "wheel", "-q", "--no-deps", f"./helper-{version}", "-w", "index"]
        subprocess.run([sys.executable, *built], cwd=world.root, check=True)
    tests = dict.fromkeys(plugins, "import, doctor, own") | {
        "checked": "import, doctor, conformance, own",
        "leaning": "import, conformance",
        "accompanied": "import, conformance",
        "alone": "import, conformance",
    }
    sources = "".join(
        f"  anemoi-plugin-{name}: {{source: {{path: plugins/anemoi-plugin-{name}}}, tests: [{stages}]}}\n"
        for name, stages in tests.items()
    )
    world.matrix(MATRIX.replace("{plugins}\n", sources))
    done = world.run("run", "--workers", 2)
    assert done.returncode == 1, done.stdout + done.stderr
    return done, json.loads((world.root / ".meta-ci/results.json").read_text())


def of(ran, plugin, line="new", resolution="highest"):
    name = f"{line}/py{PYTHON}/no-torch/{resolution}/{plugin}"
    return next(each for each in ran[1]["results"] if each["id"] == name)


def test_a_good_one_passes_everywhere(ran):
    for line, resolution in (("new", "highest"), ("new", "lowest-direct"), ("old", "highest")):
        assert of(ran, "anemoi-plugin-good", line, resolution)["state"] == "pass"
    assert of(ran, "all", "new")["state"] == of(ran, "all", "old")["state"] == "pass"


def test_a_newer_core_reads_the_checkpoint_of_the_older(ran):
    done = of(ran, "checkpoints-of-old")
    assert done["state"] == "pass"
    assert [each["stage"] for each in done["stages"]] == ["install", "write", "install the newer", "read"]


def test_the_plugins_of_the_older_line_are_tried_with_the_newer_core(ran):
    done = of(ran, "plugins-of-old")
    assert done["state"] == "pass"
    assert [each["stage"] for each in done["stages"]] == ["install", "write", "read"]


def test_one_that_breaks_with_the_older_core_alone(ran):
    assert of(ran, "anemoi-plugin-late")["state"] == "pass"
    assert of(ran, "anemoi-plugin-late", "old")["state"] == "fail"
    assert any("late: declares core old and breaks with it" in said for said in ran[1]["findings"])


def test_a_cap_that_is_too_tight(ran):
    cell = of(ran, "anemoi-plugin-tight")
    assert cell["state"] == "fail"
    assert "what is managed does not fit the newest core, new" in cell["reason"]
    assert "anemoi-core<2,>=1" in cell["reason"]
    assert of(ran, "anemoi-plugin-tight", "old")["state"] == "pass"
    assert any("tight: this cap is too tight" in said for said in ran[1]["findings"])


def test_a_lower_bound_that_is_a_lie(ran):
    assert of(ran, "anemoi-plugin-liar")["state"] == "pass"
    assert of(ran, "anemoi-plugin-liar", resolution="lowest-direct")["state"] == "fail"
    assert any("liar: a lower bound is a lie" in said for said in ran[1]["findings"])
    assert any("lie is helper-of-the-liar>=1" in said for said in ran[1]["findings"])


def test_one_that_is_flaky(ran):
    states = [each["state"] for each in ran[1]["results"] if each["subject"] == "anemoi-plugin-flaky"]
    assert states.count("flaky") >= 1
    assert set(states) <= {"flaky", "pass"}


def test_one_that_hangs_is_killed(ran):
    cell = of(ran, "anemoi-plugin-hangs")
    assert cell["state"] == "fail"
    assert "own: hangs in tests/test_own.py::test_it: it used the processor for" in cell["reason"]


def test_one_whose_wheel_does_not_build(ran):
    assert "its wheel does not build" in of(ran, "anemoi-plugin-unbuilt")["reason"]


def test_one_that_imports_what_it_does_not_declare(ran):
    cell = of(ran, "anemoi-plugin-undeclared")
    assert "import: imports yaml, which nothing that it declares brings" in cell["reason"]


def test_the_kit_comes_with_the_stage_that_needs_it(ran):
    for line in ("new", "old"):  # the older line has a kit in core, and this one does not fit it
        assert of(ran, "anemoi-plugin-checked", line=line)["state"] == "pass"
        leaning = of(ran, "anemoi-plugin-leaning", line=line)
        assert "import: imports anemoi_plugin_kit, which nothing that it declares brings" in leaning["reason"]
    assert of(ran, "anemoi-plugin-kit", line="old")["state"] == "declared-incompatible"


def test_what_a_plugin_is_checked_with_is_its_extra_check(world, ran):
    for line in ("new", "old"):
        alone = of(ran, "anemoi-plugin-alone", line=line)
        assert alone["reason"].startswith("conformance: imports anemoi_plugin_companion, which nothing")
        accompanied = of(ran, "anemoi-plugin-accompanied", line=line)
        assert accompanied["state"] == "pass", accompanied["reason"]
        assert "anemoi-plugin-companion" not in accompanied["lock"]  # of the stages before
    accompanied = of(ran, "anemoi-plugin-accompanied")
    # A change of what a companion requires is one of what is proved.
    plan = world.run("plan", "--changed", "plugins/anemoi-plugin-good/src/x.py")
    assert accompanied["id"] in plan.stdout
    assert of(ran, "anemoi-plugin-alone")["id"] not in plan.stdout


def test_exclusions_hide_failures_and_not_what_passes(ran):
    assert of(ran, "anemoi-plugin-known")["state"] == "excluded"
    assert of(ran, "anemoi-plugin-one-test")["state"] == "pass"
    assert any(
        "anemoi-plugin-mended is excluded (was mended) and passes" in said for said in ran[1]["errors"]
    )
    assert not any("anemoi-plugin-known" in said for said in ran[1]["errors"])


def test_there_is_no_known_good_set_while_a_managed_plugin_fails(world, ran):
    done = world.run("constraints", "new")
    assert done.returncode == 2
    assert "no known-good set of new" in done.stderr
    assert "anemoi-plugin-hangs" in done.stderr


def test_the_reports_can_be_read(world, ran):
    done = world.run("report")
    assert done.returncode == 0, done.stderr
    folder = world.root / ".meta-ci/report"
    page = (folder / "index.html").read_text()
    assert "a lower bound is a lie" in page
    assert ".meta-ci/wheels" in page
    for text in (page, (folder / "junit.xml").read_text()):
        assert str(world.root) not in text
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]
    assert int(suite.get("tests")) == len(ran[1]["results"])
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures")) > 0
    assert json.loads((folder / "badges/anemoi-plugin-good.json").read_text())["message"] == "3 of 3"
    assert json.loads((folder / "badges/anemoi-plugin-hangs.json").read_text())["color"] == "red"
    summary = (folder / "summary.md").read_text()
    assert "✗" in summary
    assert f"All {len(ran[1]['results'])} cells of the matrix" in summary
    assert "2.0.0 (`new`)" in summary
    assert "| anemoi-plugin-good 1.0.0 |" in summary


def test_a_rerun_takes_what_was_green_as_it_is(world, ran):
    done = world.run("run", "--cell", of(ran, "anemoi-plugin-good")["id"])
    assert done.returncode == 0, done.stderr
    assert "(cached)" in done.stdout


def test_parts_that_ran_apart_make_one_report_with_what_only_the_whole_shows(world, ran, tmp_path):
    whole = ran[1]
    parts = []
    for number in range(2):
        parts.append(tmp_path / f"{number}.json")
        part = {**whole, "results": whole["results"][number::2], "findings": whole["findings"][number::2]}
        parts[-1].write_text(json.dumps(part))
    done = world.run("report", *parts, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    again = json.loads((world.root / ".meta-ci/results.json").read_text())
    by_name = {each["id"]: each for each in again["results"]}
    assert by_name == {each["id"]: each for each in whole["results"]}
    assert sorted(again["findings"]) == sorted(whole["findings"])
    assert world.run("report", parts[0], "--output", tmp_path / "half").returncode == 0
    count, total = len(whole["results"][0::2]), len(whole["results"])
    assert f"{count} of the {total} cells" in (tmp_path / "half" / "summary.md").read_text()
    assert len(list((tmp_path / "badges").iterdir())) == len(list((world.root / "plugins").iterdir()))
