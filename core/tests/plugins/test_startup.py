"""Listing reads metadata alone, however many distributions there are."""

from __future__ import annotations

import json

HEAVY = ("torch", "numpy", "zarr", "hydra", "omegaconf", "pydantic", "scipy", "pluggy", "rich")


def _fill(site, plugins=50, others=250):
    for number in range(others):
        site.add(f"other-{number}", "[console_scripts]\nx = y:z\n" if number % 3 else "", requires=["numpy"])
    for number in range(plugins):
        requires = ["anemoi-core>=9"] if number % 10 == 0 else ["anemoi-core>=0.1"]
        site.add(
            f"plugin-{number}",
            {
                "trackers": {f"tracker-{number}": "poison:Tracker"},
                "commands": {f"do-{number}": "poison:command"},
            },
            requires=requires,
            metadata=number % 10 != 1,
            modules={"poison.py": "raise SystemExit('a plugin was imported')\n"},
        )


def test_listing_three_hundred_distributions_imports_no_plugin_and_nothing_heavy(site):
    _fill(site)
    for arguments in (["plugins", "list", "--json"], ["--help"]):
        done = site.run(
            "import sys, contextlib, io\n"
            "from anemoi.core.cli import main\n"
            "with contextlib.redirect_stdout(io.StringIO()) as out:\n"
            f"    code = main({arguments})\n"
            "print(code, [name for name in sys.modules if name.split('.')[0] in "
            f"{(*HEAVY, 'poison')} or name.startswith('anemoi_plugin')])\n"
            "print(out.getvalue())"
        )
        assert done.stdout.startswith("0 []\n"), done.stdout[:500] + done.stderr
    listed = json.loads(site.anemoi("plugins", "list", "--json").stdout)
    states = [one["state"] for one in listed if one["distribution"].startswith("plugin-")]
    assert len(states) == 100
    assert states.count("incompatible") == 20
    assert states.count("ok") == 80


def test_importing_the_core_imports_nothing_heavy(site):
    done = site.run(
        "import sys, anemoi.core, anemoi.core.plugins, anemoi.core.interfaces, anemoi.core.interfaces.hooks\n"
        "from anemoi.core.interfaces import Tracker\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY[:-2]})))"
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_plugins_are_found_without_click_and_torch(site):
    done = site.run(
        "import sys, anemoi.core.plugins as plugins\n"
        "plugins.components(), plugins.known('command'), plugins.needed_by('train', ())\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & {set(HEAVY) | {'click'}}))"
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_version_is_told_without_looking_for_plugins(site):
    done = site.run(
        "import sys\n"
        "from anemoi.core.cli import main\n"
        "main(['--version'])\n"
        f"slow = {set(HEAVY) | {'importlib_metadata', 'packaging'}}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in slow "
        "or name.startswith('anemoi.core.plugins')))"
    )
    assert done.stdout.splitlines()[1:] == ["[]"], done.stderr


def test_the_version_is_that_of_the_distribution(site):
    from importlib.metadata import version

    assert site.anemoi("--version").stdout == f"anemoi {version('anemoi-core')}\n"
    assert site.run("import anemoi.core; print(anemoi.core.__version__)").stdout.strip() == version(
        "anemoi-core"
    )
