"""One test for each way to be bad: the list still lists, the state is right, and the message mends it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pytest

from .conftest import Site

COMMAND = "import click\n\n\n@click.command()\ndef command():\n    'Do it.'\n    click.echo('did it')\n"


@dataclass(frozen=True)
class Bad:
    """A distribution ``bad-X-dist`` with a command ``bad-X``, and what is to come of it; X is its case.

    Parameters
    ----------
    module
        The source of ``bad_X_module``.
    options
        Further arguments for the distribution.
    listed
        Its state from metadata alone.
    diagnosed
        Its state when the doctor has seen it.
    says
        Part of the reason.
    mends
        Part of the command that mends it.
    code
        The exit code of ``anemoi bad-X``; None if it must not be tried.
    """

    module: str = COMMAND
    options: dict[str, Any] = field(default_factory=dict)
    value: str = "bad_X_module:command"
    listed: str = "ok"
    diagnosed: str = "broken"
    says: str = ""
    mends: str = "pip install --upgrade --force-reinstall bad-X-dist"
    code: int | None = 5


CASES = {
    "import error": Bad(
        "import there_is_no_such_module\n", says="ModuleNotFoundError: No module named 'there_is_no_s"
    ),
    "sys.exit at import": Bad(
        "import sys\nsys.exit(0)\n", says="ended the program when it was imported (exit code 0)"
    ),
    "os._exit at import": Bad(
        "import os\nos._exit(0)\n", says="ended the interpreter (exit code 0)", code=None
    ),
    "segfault at import": Bad(
        "import ctypes\nctypes.string_at(0)\n", says="crashed the interpreter (SIGSEGV)", code=None
    ),
    "infinite loop at import": Bad("while True:\n    pass\n", says="had not ended after 5 s", code=None),
    "missing attribute": Bad("", says="AttributeError: module 'bad_X_module' has no attribute 'command'"),
    "missing module": Bad(value="no_such_module:command", says="No module named 'no_such_module'"),
    "wrong class": Bad("def command():\n    pass\n", says="'command' is not a click command"),
    "syntax error": Bad("def command(:\n", says="SyntaxError"),
    "error with a long message": Bad("raise ValueError('x' * 100_000)\n", says="ValueError: xxx"),
    "error that cannot be printed": Bad(
        "class E(Exception):\n    def __str__(self):\n        raise self\nraise E\n", says="failed with E"
    ),
    "malformed value": Bad(value="not a module!", listed="broken", says="not of the form module:attribute"),
    "missing METADATA": Bad(
        options={"metadata": False},
        listed="incompatible",
        diagnosed="incompatible",
        says="its METADATA is missing",
        mends="pip install --force-reinstall bad-X-dist",
    ),
    "invalid version": Bad(
        options={"version": "banana"},
        listed="incompatible",
        diagnosed="incompatible",
        says="its own version 'banana' is not a version",
    ),
    "invalid specifier": Bad(
        options={"requires": ["anemoi-core>>0.1"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="its requirement 'anemoi-core>>0.1' is not a valid one",
        mends="pip install --upgrade bad-X-dist",
    ),
    "invalid Requires-Python": Bad(
        options={"headers": ["Requires-Python: three"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="Requires-Python 'three' is not a valid specifier",
        mends="pip install --upgrade bad-X-dist",
    ),
    "another Python": Bad(
        options={"headers": ["Requires-Python: <3"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="requires Python <3, but this is 3.",
        mends="pip install --upgrade bad-X-dist",
    ),
    "another core major": Bad(
        options={"requires": ["anemoi-core>=7,<8"]},
        listed="incompatible",
        diagnosed="incompatible",
        says=f"requires anemoi-core<8,>=7, but {version('anemoi-core')} is installed",
        mends="pip install --upgrade bad-X-dist",
    ),
    "missing requirement": Bad(
        options={"requires": ["no-such-distribution>=2"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="requires no-such-distribution>=2, which is not installed",
        mends="pip install 'no-such-distribution>=2'",
    ),
    "cyclic requirements": Bad(
        options={"requires": ["bad-X-dist[loop]>=2", "bad-X-dist; extra == 'loop'"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="requires bad-X-dist>=2, but 1.0 is installed",
        mends="pip install 'bad-X-dist>=2'",
    ),
    "entry point extras": Bad(
        value="bad_X_module:command [fast]",
        options={"requires": ["anemoi-core", "no-such-distribution; extra == 'fast'"]},
        listed="incompatible",
        diagnosed="incompatible",
        says="requires no-such-distribution, which is not installed",
        mends="pip install 'no-such-distribution'",
    ),
}


@dataclass(frozen=True)
class Seen:
    """What the command line said of all the bad distributions together, with a good one among them."""

    site: Site
    listed: dict[str, dict[str, str]]
    help: subprocess.CompletedProcess[str]
    diagnosed: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversarial")
    site = Site(folder / "site", folder / "home")
    for case, bad in CASES.items():
        options = dict(bad.options)
        if "requires" in options:
            options["requires"] = [_of(case, line) for line in options["requires"]]
        site.add(
            _of(case, "bad-X-dist"),
            {"commands": {_of(case, "bad-X"): _of(case, bad.value)}},
            modules={_of(case, "bad_X_module.py"): bad.module},
            **options,
        )
    site.add("good-dist", {"commands": {"good": "good_module:command"}}, modules={"good_module.py": COMMAND})
    listed = site.anemoi("plugins", "list", "--kind", "command", "--json")
    assert listed.returncode == 0, listed.stderr
    names = [_of(case, "bad-X") for case in CASES]
    diagnosed = site.anemoi("plugins", "doctor", *names, "good", "--timeout", "5", "--json")
    assert diagnosed.returncode == 1, diagnosed.stderr
    return Seen(
        site,
        {one["name"]: one for one in json.loads(listed.stdout)},
        site.anemoi("--help"),
        {one["name"]: one for one in json.loads(diagnosed.stdout)},
    )


def _of(case: str, text: str) -> str:
    mark = "".join(letter for letter in case.lower() if letter.isalnum())
    return text.replace("-X", f"-{mark}").replace("_X", f"_{mark}")


def test_the_good_one_among_the_bad_works(seen):
    assert seen.listed["good"]["state"] == seen.diagnosed["good"]["state"] == "ok"
    assert seen.help.returncode == 0
    assert re.search(r"good +Do it\.", seen.help.stdout)
    good = seen.site.anemoi("good")
    assert (good.returncode, good.stdout) == (0, "did it\n")


@pytest.mark.parametrize("case", CASES)
def test_a_bad_one_is_listed_and_explained(seen, case):
    bad, name = CASES[case], _of(case, "bad-X")
    assert seen.listed[name]["state"] == bad.listed
    found = seen.diagnosed[name]
    assert found["state"] == bad.diagnosed
    assert _of(case, bad.says) in found["reason"]
    assert found["fix"] == _of(case, bad.mends)
    assert len(found["reason"]) < 1000
    assert name in seen.help.stdout


@pytest.mark.parametrize("case", [case for case, bad in CASES.items() if bad.code is not None])
def test_using_a_bad_one_is_one_clear_error(seen, case):
    bad = CASES[case]
    used = seen.site.anemoi(_of(case, "bad-X"))
    assert (used.returncode, used.stdout) == (bad.code, "")
    assert used.stderr.startswith(_of(case, "Error: The command 'bad-X' of bad-X-dist"))
    assert _of(case, bad.says) in used.stderr
    assert _of(case, bad.mends) in used.stderr
    assert "Traceback" not in used.stderr
    assert len(used.stderr) < 1200


def test_the_doctor_prints_one_line_for_each_and_how_to_mend_it(seen):
    doctor = seen.site.anemoi("plugins", "doctor", "bad-importerror", "good")
    assert doctor.returncode == 1
    lines = doctor.stdout.splitlines()
    assert lines[1].split()[:4] == ["broken", "bad-importerror", "command", "bad-importerror-dist"]
    assert lines[2].split()[:4] == ["ok", "good", "command", "good-dist"]
    assert "  to mend it: pip install --upgrade --force-reinstall bad-importerror-dist" in lines
    assert lines[-1] == "1 of 2 components are ok."


def test_the_list_is_a_table(seen):
    words = ("plugins", "list", "--kind", "command", "--state", "incompatible")
    lines = [line for line in seen.site.anemoi(*words).stdout.splitlines() if " anemoi-plugin-" not in line]
    assert lines[0].split() == ["NAME", "KIND", "DISTRIBUTION", "VERSION", "STATE", "REASON"]
    assert len(lines) == 1 + sum(bad.listed == "incompatible" for bad in CASES.values())


def test_a_module_that_prints_on_import_does_not_spoil_the_output(site):
    site.add(
        "loud-dist",
        {"commands": {"loud": "loud_module:command"}},
        modules={"loud_module.py": "print('LOUD')\n" + COMMAND},
    )
    used = site.anemoi("loud")
    assert (used.returncode, used.stdout) == (0, "did it\n")
    assert "LOUD" in used.stderr

    doctor = site.anemoi("plugins", "doctor", "loud", "--json")
    assert doctor.returncode == 0
    assert [one["state"] for one in json.loads(doctor.stdout)] == ["ok"]


def test_two_distributions_with_one_name_both_lose_until_one_is_named(site):
    for owner, name in (("one-dist", "Same_Name"), ("two-dist", "same-name")):
        module = f"{owner.partition('-')[0]}_module"
        site.add(
            owner,
            {"commands": {name: f"{module}:command"}},
            modules={f"{module}.py": COMMAND.replace("did it", owner)},
        )
    listed = json.loads(site.anemoi("plugins", "list", "--json", "--state", "conflict").stdout)
    assert [(one["distribution"], one["state"]) for one in listed] == [
        ("one-dist", "conflict"),
        ("two-dist", "conflict"),
    ]
    assert {one["fix"] for one in listed} == {
        "write the one you mean, one-dist:Same_Name or two-dist:same-name, or hide another: "
        "anemoi plugins block one-dist:Same_Name or anemoi plugins block two-dist:same-name"
    }
    refused = site.anemoi("same.name")
    assert refused.returncode == 5
    assert "one-dist:Same_Name or two-dist:same-name" in refused.stderr
    assert site.anemoi("two-dist:same-name").stdout == "two-dist\n"
    assert site.anemoi("ONE_DIST:same_name").stdout == "one-dist\n"
    assert "two-dist:same-name" in site.anemoi("--help").stdout
    doctor = site.anemoi("plugins", "doctor", "same-name")
    assert doctor.returncode == 1
    assert "anemoi plugins block one-dist:Same_Name" in doctor.stdout

    assert site.anemoi("plugins", "block", "one-dist:same-name").returncode == 0
    assert site.anemoi("same-name").stdout == "two-dist\n"


def test_one_distribution_that_offers_a_name_twice_is_in_conflict_with_itself(site):
    site.add(
        "twice-dist",
        "[anemoi.core.commands]\nsame = m_one:command\nsame = m_two:command\n",
        modules={"m_one.py": COMMAND, "m_two.py": COMMAND},
    )
    listed = json.loads(site.anemoi("plugins", "list", "--json", "--state", "conflict").stdout)
    assert [one["reason"] for one in listed] == [
        "command 'same' is offered twice by its own distribution"
    ] * 2
    used = site.anemoi("same")
    assert used.returncode == 5
    assert "twice-dist" in used.stderr


def test_a_plugin_cannot_take_the_place_of_a_command_of_the_core(site):
    site.add(
        "rude-dist", {"commands": {"Plugins": "rude_module:command"}}, modules={"rude_module.py": COMMAND}
    )
    listed = json.loads(site.anemoi("plugins", "list", "--json", "--state", "conflict").stdout)
    assert [one["reason"] for one in listed] == ["anemoi-core has a command 'plugins' of its own, which wins"]
    assert site.anemoi("rude-dist:plugins").stdout == "did it\n"


def test_a_group_that_there_is_not_names_the_nearest_one(site):
    site.add("typo-dist", {"procesors": {"mine": "m:C"}})
    listed = [
        one for one in json.loads(site.anemoi("plugins", "list", "--json").stdout) if one["name"] == "mine"
    ]
    assert [(one["kind"], one["state"]) for one in listed] == [("procesors", "incompatible")]
    assert "the nearest is 'anemoi.core.processors'" in listed[0]["reason"]


@pytest.mark.parametrize(
    "text", ["[anemoi.core.trackers]\nno equals sign\n", "[anemoi.core.trackers\nx = y:z\n"]
)
def test_an_unreadable_entry_points_file_is_reported_and_harms_no_other(site, text):
    site.add("torn-dist", text)
    site.add("good-dist", {"commands": {"good": "good_module:command"}}, modules={"good_module.py": COMMAND})
    listed = site.anemoi("plugins", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    states = {one["distribution"]: one["state"] for one in json.loads(listed.stdout)}
    assert states["good-dist"] == "ok"
    assert states.get("torn-dist", "broken") == "broken"


def test_files_that_are_not_utf_8_harm_no_other(site):
    site.add("latin-dist", {"trackers": {"x": "m:C"}})
    folder = site.path / "latin_dist-1.0.dist-info"
    (folder / "entry_points.txt").write_bytes(b"[anemoi.core.trackers]\n\xe9t\xe9 = m:C\n")
    site.add("good-dist", {"trackers": {"good": "m:C"}})
    (site.path / "odd_dist-1.0.dist-info").mkdir()
    (site.path / "odd_dist-1.0.dist-info" / "METADATA").write_bytes(b"Name: odd-dist\nVersion: 1\nX: \xff\n")
    (site.path / "odd_dist-1.0.dist-info" / "entry_points.txt").write_text(
        "[anemoi.core.trackers]\nodd = m:C\n"
    )
    listed = site.anemoi("plugins", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    states = {one["name"]: one["state"] for one in json.loads(listed.stdout)}
    assert (states["good"], states["odd"]) == ("ok", "incompatible")
    latin = next(one for one in json.loads(listed.stdout) if one["distribution"] == "latin-dist")
    assert (latin["state"], latin["fix"]) == (
        "broken",
        "pip install --upgrade --force-reinstall latin-dist",
    )
    assert latin["reason"] == "its entry_points.txt cannot be read (byte 23 is not UTF-8)"
    for name in ("latin-dist", "odd-dist"):
        for command in ("info", "why"):
            told = site.anemoi("plugins", command, name)
            assert (told.returncode, told.stderr) == (0, "")


def test_what_reads_all_entry_points_says_which_of_them_cannot_be_read(site):
    site.add("latin-dist", {"trackers": {"x": "m:C"}})
    (site.path / "latin_dist-1.0.dist-info" / "entry_points.txt").write_bytes(b"[any]\n\xe9t\xe9 = m:C\n")
    reading = "import click\nfrom importlib.metadata import entry_points\n\n\n@click.command()\n"
    reading += "def command():\n    entry_points(group='any')\n"
    site.add("good-dist", {"commands": {"reads": "m_reads:command"}}, modules={"m_reads.py": reading})
    used = site.anemoi("reads")
    assert used.returncode == 5
    assert used.stderr.startswith("Error: ")
    assert "latin_dist-1.0.dist-info cannot be read: byte 6 of its entry_points.txt is not" in used.stderr


def test_a_distribution_whose_metadata_are_not_utf_8_may_be_required(site):
    site.add("odd-dist")
    (site.path / "odd_dist-1.0.dist-info" / "METADATA").write_bytes(b"Name: odd-dist\nVersion: 1\nX: \xff\n")
    site.add("good-dist", {"trackers": {"good": "m:C"}}, requires=["odd-dist>=1"])
    listed = site.anemoi("plugins", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    reasons = {one["name"]: one["reason"] for one in json.loads(listed.stdout)}
    assert reasons["good"] == "requires odd-dist>=1, but '' is here"


def test_unicode_and_long_names_are_listed_everywhere(site):
    long_name = "n" * 200
    site.add("uni-dist", {"trackers": {"été-風-🌀": "m:C", long_name: "m:C"}})
    for encoding in ("utf-8", "ascii"):
        listed = site.anemoi("plugins", "list", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert listed.returncode == 0, listed.stderr
        assert long_name in listed.stdout
    assert "été-風-🌀" in site.anemoi("plugins", "list").stdout
    near = site.anemoi("plugins", "why", "été-風")
    assert near.returncode == 5
    assert "Did you mean été-風-🌀?" in near.stderr


def test_what_metadata_say_is_cut_and_cannot_act_on_the_terminal(site):
    huge, escape = "n" * 1_000_000, "\x1b[2J"
    site.add(
        "rude-dist",
        {"trackers": {huge: f"m:{huge}", f"x{escape}": f"m:C [{escape}]"}, f"{huge}{escape}": {"y": "m:C"}},
        version=f"1{escape}",
        headers=[f"Summary: {escape}{huge}", f"Requires-Python: {huge}"],
        requires=[f"{escape}{huge}"],
    )
    runs = [
        site.anemoi("plugins", *words) for words in (["list"], ["info", "rude-dist"], ["why", "rude-dist"])
    ]
    for run in runs:
        assert (run.returncode, run.stderr) == (0, "")
        assert "\x1b" not in run.stdout
        assert r"x\x1b[2J" in run.stdout
        assert "n" * 199 in run.stdout
        assert "n" * 1001 not in run.stdout
        assert len(run.stdout) < 100_000


@pytest.mark.parametrize("name", ["--help", "-x", "plugins.--json"])
def test_a_command_cannot_be_called_as_an_option_is(site, name):
    site.add("rude-dist", {"commands": {name: "m_rude:command"}}, modules={"m_rude.py": COMMAND})
    listed = json.loads(site.anemoi("plugins", "list", "--kind", "command", "--json").stdout)
    one = next(one for one in listed if one["distribution"] == "rude-dist")
    assert (one["state"], one["fix"]) == ("broken", "anemoi plugins block rude-dist")
    assert one["reason"] == "the name of a command must not begin with -, as that of an option does"
    group, _, last = name.rpartition(".")
    used = site.anemoi(*filter(None, [group]), "--", last)
    assert (used.returncode, used.stdout) == (5, "")
    assert one["reason"] in used.stderr
    assert f"To mend it: {one['fix']}\n" in used.stderr
    doctor = site.anemoi("plugins", "doctor", "rude-dist")
    assert f"  to mend it: {one['fix']}\n" in doctor.stdout


def test_a_name_that_is_too_long_is_broken(site):
    site.add("long-dist", {"trackers": {"n" * 201: "m:C"}})
    listed = json.loads(site.anemoi("plugins", "list", "--state", "broken", "--json").stdout)
    assert [(one["name"], one["reason"]) for one in listed] == [
        ("n" * 200 + "…", "its name has more than 200 characters")
    ]


def test_ten_thousand_entry_points_are_listed_within_seconds(site):
    site.add("huge-dist", {"trackers": {f"tracker-{number}": "m:C" for number in range(10_000)}})
    listed = site.anemoi("plugins", "list", "--kind", "tracker", "--json")
    assert listed.returncode == 0
    assert sum(one["distribution"] == "huge-dist" for one in json.loads(listed.stdout)) == 10_000
    mistyped = site.anemoi("plugins", "info", "traker-9999")
    assert mistyped.returncode == 5
    assert "tracker-9999" in mistyped.stderr


@pytest.mark.parametrize("kind", ["processor", "source", "config", "hook"])
def test_what_is_not_of_its_kind_is_broken(site, kind):
    group = {"processor": "processors", "source": "sources", "config": "configs", "hook": "hooks"}[kind]
    site.add(
        "wrong-dist",
        {group: {"wrong": "wrong_module:Wrong"}},
        modules={"wrong_module.py": "class Wrong: pass\n"},
    )
    used = site.run(
        "from anemoi.core.plugins import load, components\n"
        "from anemoi.core.errors import PluginError\n"
        f"try:\n    load('{kind}', 'wrong')\nexcept PluginError as error:\n    print(error)\n"
        f"print([c.state for c in components('{kind}') if c.name == 'wrong'])\n"
    )
    assert f"The {kind} 'wrong' of wrong-dist 1.0 is broken: " in used.stdout
    assert used.stdout.endswith("['broken']\n")


def test_a_class_that_leaves_methods_undefined_is_broken(site):
    module = "from anemoi.core.interfaces import GraphBuilder\n\nclass Wrong(GraphBuilder):\n    pass\n"
    site.add("half-dist", {"graphs": {"half": "half_module:Wrong"}}, modules={"half_module.py": module})
    doctor = site.anemoi("plugins", "doctor", "half")
    assert doctor.returncode == 1
    assert "'Wrong' does not define build" in doctor.stdout
