"""Looking a component up by name, and saying what to do where that fails."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from anemoi.core.errors import PluginError
from anemoi.core.plugins import group, kinds, load, lock, normalise
from anemoi.core.plugins._catalogue import known, provider

ROOT = Path(__file__).parents[3]
TRACKER = """
from anemoi.core.interfaces import Tracker
class It(Tracker):
    def __init__(self, **_): ...
    def start(self, run, parameters): ...
    def metrics(self, values, step): ...
    def artefact(self, path): ...
    def finish(self, status): ...
"""


def test_a_component_is_found_however_its_name_is_spelt_and_imported_once(here):
    here.add("track-dist", {"trackers": {"My_Tracker": "m_track:It"}}, modules={"m_track.py": TRACKER})
    loaded = load("tracker", "my-tracker")
    assert loaded.__module__ == "m_track"
    assert load("tracker", "Track.Dist:MY.TRACKER") is loaded


def test_of_two_spellings_in_one_distribution_the_one_that_is_written_is_loaded(here):
    second = TRACKER.replace("class It", "class Other")
    here.add(
        "spell-dist",
        {"trackers": {"spelt": "m_spell1:It", "Spelt": "m_spell2:Other"}},
        modules={"m_spell1.py": TRACKER, "m_spell2.py": second},
    )
    assert load("tracker", "spell-dist:Spelt").__name__ == "Other"
    assert load("tracker", "spell-dist:spelt").__name__ == "It"
    with pytest.raises(PluginError, match="offered twice by its own distribution"):
        load("tracker", "spelt")


def test_a_failure_is_remembered_and_forgotten_when_it_is_mended(here):
    here.add("late-dist", {"trackers": {"late": "m_late:It"}}, modules={"m_late.py": "1 / 0\n"})
    from anemoi.core.plugins import components

    def state():
        return next(one.state for one in components("tracker") if one.name == "late")

    assert state() == "ok"
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        load("tracker", "late")
    assert state() == "broken"
    (here.path / "m_late.py").write_text(TRACKER + "# longer than before\n")
    import importlib

    importlib.invalidate_caches()
    assert load("tracker", "late").__name__ == "It"
    assert state() == "ok"


@pytest.mark.parametrize(
    ("kind", "name", "says", "mends"),
    [
        ("losss", "mse", "no kind of component called 'losss'", "The kinds are model, processor"),
        ("tracker", "my-trucker", "no tracker called 'my-trucker'", "Did you mean my-tracker?"),
        ("tracker", "zzzz", "no tracker called 'zzzz'", "anemoi plugins list --kind tracker"),
        ("tracker", "other-dist:my-tracker", "No distribution 'other-dist'", "pip install other-dist"),
        ("graph", "my-tracker", "no graph called", "anemoi plugins list --kind graph"),
    ],
)
def test_an_unknown_name_says_what_is_near_or_how_to_look(here, kind, name, says, mends):
    here.add("track-dist", {"trackers": {"my-tracker": "m_track:It"}})
    with pytest.raises(PluginError) as refused:
        load(kind, name)
    assert says in refused.value.what
    assert mends in (refused.value.fix or "")


def test_a_known_component_that_is_absent_says_which_distribution_provides_it(here, monkeypatch):
    from anemoi.core.plugins import _load

    monkeypatch.setattr(_load, "components", lambda kind=None: [])
    here.add("anemoi-plugin-transformer")  # of a version that has no such component
    with pytest.raises(PluginError) as refused:
        load("processor", "Transformer")
    assert "anemoi-plugin-transformer provides it" in refused.value.what
    assert refused.value.fix == "To install it: pip install --upgrade anemoi-plugin-transformer"
    monkeypatch.setattr(_load, "provider", lambda kind, name: "absent-dist")
    with pytest.raises(PluginError) as refused:
        load("processor", "Transformer")
    assert refused.value.fix == "To install it: pip install absent-dist"


@pytest.mark.skipif(not (ROOT / "plugins").is_dir(), reason="plugins are in the tree that core is split from")
def test_the_catalogue_knows_every_component_of_the_plugins_beside_the_core():
    offered = {}
    for project in sorted((ROOT / "core/pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))):
        kind = None
        for line in project.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                found = re.match(r'\[project\.entry-points\."(.+)"\]', line)
                kind = next((kind for kind in kinds() if found and group(kind) == found[1]), None)
            elif (entry := re.match(r'"?([^"\s=]+)"?\s*=', line)) and kind not in (None, "config", "hook"):
                offered[kind, normalise(entry[1])] = f"anemoi-{project.parent.name.removeprefix('anemoi-')}"
    assert {(kind, name): provider(kind, name) for kind, name in offered} == offered
    assert all(name == normalise(name) for kind in kinds() for name in known(kind))


COMPILED = "lockpkg/__pycache__/tracker.cpython-311.pyc"


def _install(site, editable):
    files = {"lockpkg/__init__.py": "", "lockpkg/tracker.py": "X = 1\n", "lockpkg/data/table.csv": "1,2\n"}
    site.add("lock-dist", {"trackers": {"locked": "lockpkg.tracker:It"}}, modules=files)
    record = ["lock_dist-1.0.dist-info/METADATA,,", "lock_dist-1.0.dist-info/RECORD,,", "../../bin/tool,,"]
    record += ["lock_dist.pth,,"] if editable else [f"{name},," for name in (*files, COMPILED)]
    (site.path / COMPILED).parent.mkdir()
    (site.path / COMPILED).write_bytes(b"compiled here")
    (site.path / "lock_dist-1.0.dist-info" / "RECORD").write_text("\n".join(record) + "\n")
    return files


def _lock(site):
    done = site.run(
        "import json; from anemoi.core.plugins import lock; print(json.dumps(lock('tracker', 'Locked')))"
    )
    assert done.returncode == 0, done.stderr
    import json

    return json.loads(done.stdout)


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_a_lock_names_the_distribution_and_hashes_its_files(site, editable):
    files = _install(site, editable)
    # The reference: the files in order of name, each as name, NUL, length, NUL, content.
    content = b"".join(f"{name}\0{len(text)}\0{text}".encode() for name, text in sorted(files.items()))
    assert _lock(site) == {
        "kind": "tracker",
        "name": "locked",
        "distribution": "lock-dist",
        "version": "1.0",
        "hash": sha256(content).hexdigest(),
    }


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_a_lock_changes_with_any_file_and_with_nothing_else(site, editable):
    _install(site, editable)
    before = _lock(site)["hash"]
    (site.path / COMPILED).write_bytes(b"compiled elsewhere")
    assert _lock(site)["hash"] == before
    (site.path / "lockpkg" / "data" / "table.csv").write_text("1,3\n")
    assert _lock(site)["hash"] != before


def test_a_lock_of_what_has_lost_its_files_is_refused(here):
    here.add("gone-dist", {"trackers": {"gone": "no_such_package.tracker:It"}})
    with pytest.raises(PluginError, match="The files of gone-dist cannot be read"):
        lock("tracker", "gone")
