"""The command line as a whole: what it lists, how it fails, and with which exit code."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

PLUGIN = """
import click
from anemoi.core.errors import AnemoiError

@click.command()
@click.argument("what")
def command(what):
    \"\"\"Fail in the way that is asked for.

    More about it, which the list of commands has no room for.
    \"\"\"
    if what == "mistake":
        raise AnemoiError("The date 2025-13-01 does not exist.", fix="Write it as YYYY-MM-DD.")
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "bug":
        raise RuntimeError("a bug")
    if what == "return":
        return 7
    if what == "print":
        print("y")
        return
    for _ in range(100_000):
        click.echo("y")
"""


@pytest.fixture
def failing(site):
    site.add(
        "fail-dist",
        {"commands": {"fail": "failpkg.cli:command"}},
        modules={
            "failpkg/__init__.py": "1 / 0\n",
            "failpkg/cli/__init__.py": "from .inner import command\n",
            "failpkg/cli/inner.py": PLUGIN,
        },
    )
    return site


def test_the_help_line_of_a_plugin_is_read_from_its_source_without_importing_it(failing):
    usage = failing.anemoi("--help")  # Importing `failpkg` would divide by zero.
    assert usage.returncode == 0
    assert re.search(r"  fail +Fail in the way that is asked for\.\n", usage.stdout)
    assert "More about it" not in usage.stdout
    assert failing.anemoi("-h").stdout == usage.stdout


@pytest.mark.parametrize(
    ("what", "code", "says"),
    [
        ("mistake", 2, "Error: The date 2025-13-01 does not exist.\nWrite it as YYYY-MM-DD.\n"),
        ("interrupt", 130, "Interrupted.\n"),
        ("return", 0, ""),
    ],
)
def test_a_failure_has_its_message_and_exit_code(failing, what, code, says):
    (failing.path / "failpkg" / "__init__.py").write_text("")
    done = failing.anemoi("fail", what)
    assert (done.returncode, done.stderr.lstrip("\n")) == (code, says)


def test_debug_shows_where_a_mistake_arose(failing):
    (failing.path / "failpkg" / "__init__.py").write_text("")
    done = failing.anemoi("--debug", "fail", "mistake")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "inner.py" in done.stderr


def test_a_bug_keeps_its_traceback(failing):
    (failing.path / "failpkg" / "__init__.py").write_text("")
    done = failing.anemoi("fail", "bug")
    assert done.returncode == 1
    assert "RuntimeError: a bug" in done.stderr


@pytest.mark.parametrize(("what", "first"), [("talk", b"y\n"), ("print", b"")])
def test_a_reader_that_has_seen_enough_is_no_error(failing, what, first):
    (failing.path / "failpkg" / "__init__.py").write_text("")
    code = "import sys; from anemoi.core.cli import main; sys.exit(main())"
    # What is printed stays in the buffer until the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"PYTHONPATH": str(failing.path), "XDG_CONFIG_HOME": str(failing.home)}
    writer = subprocess.Popen(
        [sys.executable, "-c", code, "fail", what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert writer.stdout.read(len(first)) == first
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert writer.wait(30) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plugns"], "There is no command 'plugns'.\nDid you mean plugins or runs?"),
        (["fial"], "Did you mean fail?"),
        (["zzzzzz"], "To see what there is: anemoi --help"),
        (["plugins", "lst"], "There is no command 'plugins lst'.\nDid you mean list?"),
        (["plugins", "chek"], "There is no command 'plugins chek'.\nDid you mean check?"),
        (["plugins", "list", "--knd", "loss"], "No such option"),
        (["plugins", "list", "--kind", "losss"], "'losss' is not one of"),
        (["plugins", "info"], "Missing argument"),
        (["plugins", "doctor", "--timeout", "-1"], "Invalid value"),
        (["plugins", "why", "no-such-plugin"], "No plugin installed here is called 'no-such-plugin'"),
    ],
)
def test_a_mistyped_line_is_one_message_and_an_exit_code(failing, arguments, says):
    done = failing.anemoi(*arguments)
    assert (done.returncode, done.stdout) == (5 if "no-such-plugin" in says else 2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_info_tells_what_metadata_tell(site):
    site.add(
        "told-dist",
        {"trackers": {"told": "toldpkg:Told"}},
        headers=["Summary: Tells a lot", "Requires-Python: >=3.10"],
        modules={"toldpkg.py": "class Told:\n    'A tracker that is told of.'\n"},
    )
    [facts] = json.loads(site.anemoi("plugins", "info", "told-dist", "--json").stdout)
    assert facts["description"] == "A tracker that is told of."
    assert facts["summary"] == "Tells a lot"
    assert facts["requires"] == ["anemoi-core>=0.2,<0.3"]
    assert facts["requires_python"] == ">=3.10"
    assert facts["location"] == str(site.path)
    text = site.anemoi("plugins", "info", "TOLD").stdout
    assert "A tracker that is told of." in text


def test_why_tells_each_rule_in_turn(site, tmp_path):
    site.add(
        "why-dist",
        {"trackers": {"why": "m:C"}},
        requires=["anemoi-core>=7", "anemoi-core>=7", "click", "x; extra == 'y'"],
    )
    site.add("rival-dist", {"trackers": {"why": "m:C"}})
    second = type(site)(tmp_path / "second", site.home)
    second.add("why-dist", {"trackers": {"why": "m:C"}}, version="0.5")
    told = site.anemoi("plugins", "why", "why-dist:why", PYTHONPATH=f"{site.path}{os.pathsep}{second.path}")
    assert told.returncode == 0
    for line in (
        "found     [anemoi.core.trackers] why = m:C",
        f"shadows   another why-dist in {second.path}, which is not used",
        "lists     no list of blocked plugins names it",
        "requires  anemoi-core>=7: does not hold, requires anemoi-core>=7, but",
        f"requires  click: holds, {importlib.metadata.version('click')} is installed",
        "requires  x; extra == 'y': not needed here, where extra == \"y\" is not so",
        "name      shared with rival-dist:why",
        "state     incompatible",
        "to mend   pip install --upgrade why-dist",
    ):
        assert line in told.stdout


def test_requirements_pin_every_plugin_as_pip_would_read_it(site):
    site.add("pinned-dist", {"trackers": {"pinned": "m:C"}}, version="1.2")
    origins = {
        "git-dist": {"url": "https://e.org/g.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
        "web-dist": {"url": "https://e.org/w-1.0.zip", "archive_info": {}},
        "local-dist": {"url": "file:///src/local", "dir_info": {"editable": True}},
    }
    for name, origin in origins.items():
        site.add(name, {"trackers": {name: "m:C"}})
        folder = site.path / f"{name.replace('-', '_')}-1.0.dist-info"
        (folder / "direct_url.json").write_text(json.dumps(origin))
    site.add("bare-dist", {"trackers": {"bare": "m:C"}}, metadata=False)
    printed = site.anemoi("plugins", "requirements")
    assert printed.returncode == 0
    lines = [line.partition(" #")[0] for line in printed.stdout.splitlines() if not line.startswith("#")]
    wanted = {requirement.name: requirement for requirement in map(Requirement, lines)}
    assert wanted["pinned-dist"].specifier == "==1.2"
    assert wanted["git-dist"].url == "git+https://e.org/g.git@abc123"
    assert wanted["web-dist"].url == "https://e.org/w-1.0.zip"
    assert wanted["local-dist"].specifier == "==1.0"
    assert wanted["anemoi-core"].specifier == f"=={importlib.metadata.version('anemoi-core')}"
    assert "# bare-dist is installed without metadata" in printed.stdout


def test_the_doctor_reports_the_heaviest_import(site):
    site.add(
        "heavy-dist",
        {"commands": {"heavy": "heavypkg:command"}},
        modules={
            "heavypkg/__init__.py": "import click, heavypkg.a\n\n@click.command()\ndef command(): ...\n",
            "heavypkg/a.py": "import heavypkg.b\n",
            "heavypkg/b.py": "import heavypkg.c\n",
            "heavypkg/c.py": "import slowlib\n",
            "slowlib.py": "import time\ntime.sleep(0.5)\n",
        },
    )
    [found] = json.loads(site.anemoi("plugins", "doctor", "heavy", "--json").stdout)
    assert found["heaviest"] == "slowlib"
    # Imports within imports count once: five times the sleep would be 2.5 s.
    assert 0.5 <= found["heaviest_seconds"] <= found["seconds"] < 2


def test_listing_can_load_to_find_the_broken_ones(site):
    site.add("torn-dist", {"commands": {"torn": "tornpkg:command"}}, modules={"tornpkg.py": "1 / 0\n"})
    plain = json.loads(site.anemoi("plugins", "list", "--kind", "command", "--json").stdout)
    assert [one["state"] for one in plain if one["name"] == "torn"] == ["ok"]
    tried = json.loads(
        site.anemoi("plugins", "list", "--kind", "command", "--load", "--state", "broken", "--json").stdout
    )
    assert "torn" in [one["name"] for one in tried]


@pytest.mark.parametrize("file", ["anemoi/__init__.py", "anemoi.py"])
def test_a_package_that_hides_anemoi_is_named(site, file):
    (site.path / "anemoi").mkdir()
    (site.path / file).write_text("")
    run = site.run("import sys; from anemoi_core_start import main; sys.exit(main())")
    assert run.returncode == 5
    assert run.stderr.startswith(f"Error: {site.path / file} hides Anemoi: ")
    assert "PYTHONPATH" in run.stderr


def test_the_command_starts_where_nothing_hides_it(site):
    [command] = importlib.metadata.entry_points(group="console_scripts", name="anemoi")
    module, _, function = command.value.partition(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    run = site._run([sys.executable, "-c", code, "--version"], {})
    assert (run.returncode, run.stdout.split()[0]) == (0, "anemoi")
    site.add("cli-missing", {"commands": {"lost": "nowhere:command"}})
    assert "Traceback" not in site._run([sys.executable, "-c", code, "lost"], {}).stderr


def test_help_says_the_state_of_a_command_and_leaves_out_a_blocked_one(site):
    site.add("old-plugin", {"commands": {"oldish": "nowhere:command"}}, requires=("anemoi-core<0.1",))
    for name in ("one-plugin", "other-plugin"):
        site.add(name, {"commands": {"twice": "nowhere:command"}})
    site.add("bad-plugin", {"commands": {"hidden": "nowhere:command"}})
    assert site.anemoi("plugins", "block", "bad-plugin").returncode == 0
    said = site.anemoi("--help").stdout
    assert "(incompatible: see anemoi plugins why oldish)" in " ".join(said.split())
    assert "one-plugin:twice" in said
    assert "other-plugin:twice" in said
    assert "hidden" not in said
