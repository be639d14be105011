"""What is wrong is called by its cause."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import zipfile
from types import SimpleNamespace

import pytest

from anemoi_meta_ci import stages
from anemoi_meta_ci.cells import Cell
from anemoi_meta_ci.conflicts import conflicts
from anemoi_meta_ci.declared import undeclared
from anemoi_meta_ci.findings import findings
from anemoi_meta_ci.processes import CellTimeoutError, Programs, StoppedError
from anemoi_meta_ci.resolve import Lock, Question, Resolver
from anemoi_meta_ci.results import Result
from anemoi_meta_ci.said import cause
from anemoi_meta_ci.wheels import Wheel


def wheel(folder, name, *, code="", requires=(), points=""):
    path = folder / f"{name}.whl"
    lines = [f"Name: {name}", "Version: 1", *(f"Requires-Dist: {each}" for each in requires)]
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}-1.dist-info/METADATA", "\n".join(lines) + "\n\n")
        file.writestr(f"{name}-1.dist-info/entry_points.txt", points)
        file.writestr(f"{name.replace('-', '_')}/part.py", code)
    return Wheel(path, None)


INSTALLED = {"networkx": ["networkx"], "yaml": ["PyYAML"], "numpy": ["numpy"], "pytest": ["pytest"]}


@pytest.mark.parametrize(
    ("code", "requires", "says"),
    [
        ("import networkx.algorithms", (), "imports networkx.algorithms, which networkx brings"),
        ("def f():\n    from yaml import load", (), "imports yaml, which pyyaml brings"),
        ("import yaml", ("pyyaml>=6",), None),
        ("import yaml", ("pyyaml>=6; extra == 'files'",), None),
        ("import pytest", ("pytest>=8; extra == 'test'",), "imports pytest"),
        ("try:\n    import networkx\nexcept ImportError:\n    networkx = None", (), None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import networkx", (), None),
        ("import json, own.part\nfrom . import numpy", (), None),
        ("import not_installed_here", (), None),
    ],
)
def test_what_is_imported_is_held_against_what_is_declared(tmp_path, code, requires, says):
    found = undeclared(wheel(tmp_path, "own", code=code, requires=requires), INSTALLED)
    assert found == [] if says is None else found[0].startswith(says)


def test_one_name_of_two_distributions_is_a_conflict(tmp_path):
    models = "[anemoi.core.models]\nbig = {}:Big\n"
    other = "[console_scripts]\nbig = c:main\n[anemoi.core.layers]\nbig = c:Big\n"
    wheels = [wheel(tmp_path, name, points=models.format(name)) for name in "ab"]
    [(names, said)] = conflicts([*wheels, wheel(tmp_path, "c", points=other)])
    assert names == {"a", "b"}
    assert said == "Conflict: 'big' of anemoi.core.models is offered by a and by b."


def test_a_failure_on_one_axis_names_the_axis():
    cells = [
        Cell("plugin", "anemoi-plugin-a", "main", "3.11", "", "highest", (("zarr", each),))
        for each in ("<3", ">=3")
    ]
    results = [
        Result(cell.id, cell.row, cell.environment, cell.subject, cell.kind, state)
        for cell, state in zip(cells, ("fail", "pass"), strict=True)
    ]
    [said] = findings(cells, results)
    assert said.startswith("anemoi-plugin-a: fails with zarr<3 and passes with zarr>=3")


class Said:
    """A workspace in which a program prints this, and fails."""

    anemoi = python = "program"

    def __init__(self, text):
        self.text = text

    def run(self, *words, directory=None):
        return 1, self.text


def test_the_doctor_tells_of_the_component_and_the_reason(tmp_path):
    row = {"name": "good", "distribution": "own", "state": "ok", "reason": ""}
    bad = {**row, "name": "bad", "state": "broken", "reason": "own.part has no\nattribute 'Typo'"}
    other = {**bad, "distribution": "other"}
    printed = "a.py:1: UserWarning: x\n" + json.dumps([row, other, bad])
    said = stages.doctor(Said(printed), wheel(tmp_path, "own"))
    assert said == "bad of own is broken: own.part has no attribute 'Typo'"


@pytest.mark.parametrize(
    ("line", "called"),
    [
        (
            "E       ModuleNotFoundError: No module named 'yaml'",
            "imports yaml, which nothing that it declares brings",
        ),
        ("ModuleNotFoundError: No module named 'tests'", "FAILED tests/a.py::test_a - assert 1 == 2"),
    ],
)
def test_what_a_program_of_a_test_prints_is_not_why_the_test_failed(tmp_path, line, called):
    (tmp_path / "source" / "tests").mkdir(parents=True)
    said = Said(f"{line}\nE  assert 1 == 2\nFAILED tests/a.py::test_a - assert 1 == 2\n1 failed")
    said.scratch = tmp_path
    assert stages.own_tests(said, SimpleNamespace(source=tmp_path / "source"), []) == called


def test_what_asks_for_an_extra_may_be_incompatible_without_it(tmp_path):
    row = {
        "name": "more",
        "distribution": "own",
        "state": "incompatible",
        "reason": "no x",
        "value": "own.more:M [x]",
    }
    made = wheel(tmp_path, "own", points="[anemoi.core.models]\nmore = own.more:M [x]\nplain = own.plain:P\n")
    assert made.modules == ("own.plain",)
    assert stages.doctor(Said(json.dumps([row])), made) == ""
    for changed in ({"value": "own.more:M"}, {"state": "broken"}):
        assert stages.doctor(Said(json.dumps([row | changed])), made).startswith("more of own is ")


@pytest.mark.parametrize(
    ("printed", "called"),
    [
        (
            "INFO reading\nError: a.safetensors has format 1, and this reads 2.\n"
            "Install the anemoi-core that wrote it.",
            "Error: a.safetensors has format 1, and this reads 2.",
        ),
        (
            "  \u00d7 Failed to build `x`\n  ├─▶ The backend failed\n      Traceback (most recent):\n"
            "      OSError: Readme file does not exist: NOSUCH.md\n\n"
            "      hint: This usually indicates a problem with the package.",
            "OSError: Readme file does not exist: NOSUCH.md",
        ),
        ("E   assert 1 == 2\nFAILED tests/a.py::test_a - assert 1 == 2\n1 failed", None),
        ("", "it printed nothing"),
    ],
)
def test_what_failed_and_not_the_advice_after_it(printed, called):
    assert cause(printed) == (called or "FAILED tests/a.py::test_a - assert 1 == 2")


def run(programs, tmp_path, code, seconds):
    (tmp_path / "tests").mkdir(exist_ok=True)
    (tmp_path / "tests/test_a.py").write_text(f"import time\n\ndef test_late():\n    {code}\n\ntest_late()\n")
    return programs.run(
        [sys.executable, "tests/test_a.py"],
        cwd=tmp_path,
        environment={"PATH": os.environ["PATH"]},
        log=tmp_path / "log",
        deadline=time.monotonic() + seconds,
    )


def test_one_that_waits_hangs_and_one_that_works_does_not(tmp_path):
    with pytest.raises(CellTimeoutError, match=r"^hangs in tests/test_a\.py::test_late: it used"):
        run(Programs(), tmp_path, "time.sleep(100)", 1.0)


def test_one_that_is_busy_is_not_said_to_hang(tmp_path):
    used = "began = time.process_time()"
    with pytest.raises(CellTimeoutError, match=r"slow|hangs") as raised:
        run(Programs(), tmp_path, f"{used}\n    while time.process_time() - began < 100: pass", 1.5)
    assert "tests/test_a.py::test_late" in str(raised.value)


@pytest.mark.parametrize(("used", "called"), [(0.4, "hangs"), (9.0, "not through")])
def test_it_is_the_processor_that_tells(used, called):
    from anemoi_meta_ci.processes import _late

    assert _late(used, 10.0, "").startswith(called)


def test_stopping_ends_what_runs_and_lets_nothing_begin(tmp_path):
    programs = Programs()
    code = f"__import__('os').kill({os.getpid()}, {signal.SIGUSR1})\n    time.sleep(100)"
    before = signal.signal(signal.SIGUSR1, lambda *_: programs.stop())
    try:
        with pytest.raises(StoppedError):
            run(programs, tmp_path, code, 100)
        with pytest.raises(StoppedError):
            run(programs, tmp_path, "pass", 100)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_answers_of_the_resolver_are_kept_for_a_time(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(Resolver, "_ask", lambda self, question: asked.append(1) or {"lock": "a==1"})
    question = Question((), None, (), "3.11", "highest")
    for max_age, times in ((24.0, 1), (24.0, 1), (0.0, 2)):
        assert Resolver(tmp_path / "locks", max_age).lock(question) == Lock("a==1")
        assert len(asked) == times
