"""A distribution declares a kind, another offers a component of it: both are treated like any other."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from anemoi_plugin_testing import check

from anemoi.core.config import build
from anemoi.core.config.options import options
from anemoi.core.errors import ConfigError, PluginError
from anemoi.core.plugins import Kind, components, find_kind, kinds, load, lock

KINDS = """
from anemoi.core.plugins import Kind

DOWNSCALER = Kind(
    name="downscaler",
    interface="finer_interface:Downscaler",
    checks="finer_checks:CHECKS",
    scaffold="finer:scaffold",
)
"""
INTERFACE = '''
from abc import ABC, abstractmethod

class Downscaler(ABC):
    """Makes fields finer; ``factor`` is given."""

    def __init__(self, *, factor: int) -> None:
        self.factor = factor

    @abstractmethod
    def refine(self, field):
        """Return the finer field."""
'''
CHECKS = '''
from anemoi_plugin_testing import contract, require

@contract()
def has_the_length(subject):
    """The finer field is as many times longer as it is told."""
    length = len(subject.build(factor=3).refine([1.0, 2.0]))
    require(length == 6, f"it has the length {length}")

CHECKS = (has_the_length,)
'''
BILINEAR = '''
from finer_interface import Downscaler

class Bilinear(Downscaler):
    """Repeats each value."""

    def __init__(self, *, factor: int, offset: float = 0.0) -> None:
        super().__init__(factor=factor)
        self.offset = offset

    def refine(self, field):
        return [value + self.offset for value in field for _ in range(self.factor)]
'''
COMPONENT = '''"""The downscaler ``{{ cookiecutter.name }}``."""

from finer_interface import Downscaler


class {{ cookiecutter.__class }}(Downscaler):
    """Repeats each value."""
'''
SCAFFOLD = {
    "component.py": COMPONENT,
    "conf.yaml": "name: {{ cookiecutter.name }}\n",
    "test_component.py": "from {{ cookiecutter.__package }}.{{ cookiecutter.kind }} import *\n",
    "index.md": "# The downscaler `{{ cookiecutter.name }}`\n",
    "steps.json": '    {"file": "README.md", "pattern": "^#", "description": "It."},\n',
}
DECLARED = {"kinds": {"downscaler": "finer.kinds:DOWNSCALER"}}


def owner(name="finer-dist", **changed):
    """What declares the kind."""
    modules = {
        "finer/__init__.py": "raise RuntimeError('imported')" if changed.pop("poisoned", False) else "",
        "finer/kinds.py": KINDS,
        "finer_interface.py": INTERFACE,
        "finer_checks.py": CHECKS,
        **{f"finer/scaffold/{file}": text for file, text in SCAFFOLD.items()},
        **changed.pop("modules", {}),
    }
    return {"distribution": name, "entry_points": DECLARED, "modules": modules, **changed}


def offers(name="bilinear-dist", **changed):
    """What offers a component of it."""
    return {
        "distribution": name,
        "entry_points": {"downscalers": {"bilinear": "bilinear:Bilinear"}},
        "modules": {"bilinear.py": BILINEAR},
        **changed,
    }


@pytest.fixture
def both(site):
    site.add(**owner())
    site.add(**offers())
    return site


def listed(site, *words, **environment):
    done = site.anemoi("plugins", "list", "--json", *words, **environment)
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_a_list_has_the_kind_and_its_components_and_imports_neither(site):
    site.add(**owner(poisoned=True))
    site.add(**offers(modules={"bilinear.py": "raise SystemExit('imported')\n"}))
    found = listed(site)
    assert {name: (found[name]["kind"], found[name]["state"]) for name in ("downscaler", "bilinear")} == {
        "downscaler": ("kind", "ok"),
        "bilinear": ("downscaler", "ok"),
    }
    assert list(listed(site, "--kind", "downscaler")) == ["bilinear"]
    assert "downscaler" in listed(site, "--kind", "kind")


def test_everything_that_is_told_of_a_component_is_told_of_one_of_a_declared_kind(both):
    [facts] = json.loads(both.anemoi("plugins", "info", "bilinear", "--json").stdout)
    assert (facts["kind"], facts["kind_owner"]) == ("downscaler", "finer-dist")
    assert facts["description"] == "Repeats each value."
    told = both.anemoi("plugins", "why", "bilinear").stdout
    assert "found     [anemoi.core.downscalers] bilinear = bilinear:Bilinear\n" in told
    assert "kind      declared by finer-dist\n" in told
    done = both.anemoi("plugins", "doctor", "downscaler", "bilinear", "--json")
    assert {one["name"]: one["state"] for one in json.loads(done.stdout)} == {
        "downscaler": "ok",
        "bilinear": "ok",
    }
    assert "Did you mean bilinear" in both.anemoi("plugins", "why", "bilinera").stderr


def test_a_record_is_what_was_declared_and_names_its_owner(here):
    here.add(**owner())
    assert find_kind("downscaler") == Kind(
        name="downscaler",
        interface="finer_interface:Downscaler",
        checks="finer_checks:CHECKS",
        scaffold="finer:scaffold",
        owner="finer-dist",
    )
    assert "downscaler" in kinds()
    assert find_kind("processor").owner == "anemoi-core"


def test_a_component_is_loaded_configured_checked_and_locked_like_any_other(here):
    here.add(**owner())
    here.add(**offers())
    bilinear = load("downscaler", "bilinear")
    assert bilinear.__name__ == "Bilinear"
    # What the interface takes is given; what else the component takes is an option.
    assert list(options(bilinear, kind="downscaler")) == ["offset"]
    built = build("downscaler", {"name": "bilinear", "offset": 2}, factor=2)
    assert built.refine([1.0]) == [3.0, 3.0]
    with pytest.raises(ConfigError, match="offset: expected float, got 'two'"):
        build("downscaler", {"name": "bilinear", "offset": "two"}, factor=2)
    with pytest.raises(ConfigError, match="Did you mean 'offset'"):
        build("downscaler", {"name": "bilinear", "ofset": 2}, factor=2)
    assert [(one.check, one.status) for one in check("downscaler", "bilinear")] == [
        ("has_the_length", "pass")
    ]
    locked = lock("downscaler", "Bilinear")
    assert {key: locked[key] for key in ("kind", "name", "distribution", "version")} == {
        "kind": "downscaler",
        "name": "bilinear",
        "distribution": "bilinear-dist",
        "version": "1.0",
    }
    with pytest.raises(PluginError, match="no downscaler called 'bilinera'"):
        load("downscaler", "bilinera")


def test_a_component_is_held_to_the_interface_and_the_checks_of_its_kind(both):
    wrong = {"wrong.py": "class Wrong: ...\n", "short.py": BILINEAR.replace("self.factor)]", "2)]")}
    points = {"downscalers": {"wrong": "wrong:Wrong", "short": "short:Bilinear"}}
    both.add("wrong-dist", points, modules=wrong)
    done = both.anemoi("plugins", "doctor", "wrong")
    assert "'Wrong' is not a class derived from finer_interface.Downscaler" in done.stdout
    assert "pip install --upgrade --force-reinstall wrong-dist" in done.stdout
    done = both.anemoi("plugins", "check", "short")
    assert done.returncode == 1
    assert "seen: it has the length 4" in done.stdout
    assert both.anemoi("plugins", "check", "bilinear").returncode == 0
    assert "4 pass" in both.anemoi("plugins", "check", "finer-dist").stdout


def test_a_contract_for_pytest_names_the_kind(both, tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(
        "from anemoi_plugin_testing import Contract\n\n\n"
        "class TestBilinear(Contract):\n    kind = 'downscaler'\n    name = 'bilinear'\n"
    )
    done = both.run(
        f"import pytest; pytest.main(['-q', '-p', 'no:cacheprovider', {str(tmp_path / 'tests')!r}])"
    )
    assert "1 passed" in done.stdout


def test_a_kind_without_checks_says_so(both):
    both.add(
        "bare-dist",
        {"kinds": {"moon": "moons:MOON"}, "moons": {"full": "moons:Full"}},
        modules={
            "moons.py": "from anemoi.core.plugins import Kind\nMOON = Kind(name='moon')\nFull = object()\n"
        },
    )
    done = both.anemoi("plugins", "check", "full")
    assert done.returncode == 0, done.stderr
    assert "skipped   has_checks: the kind 'moon' has none yet" in done.stdout
    done = both.anemoi("plugins", "new", "moon", "mine")
    assert done.returncode == 2
    assert "There is nothing to make a moon from" in done.stderr


def test_where_nothing_declares_the_kind_an_unknown_group_names_the_nearest(site):
    site.add(**offers())
    one = listed(site)["bilinear"]
    assert (one["kind"], one["state"]) == ("downscalers", "incompatible")
    assert "no entry-point group 'anemoi.core.downscalers'" in one["reason"]
    with pytest.raises(PluginError, match="no kind of component called 'downscaler'"):
        find_kind("downscaler")


@pytest.mark.parametrize(
    ("installed", "reason", "fix"),
    [
        (None, "which is not installed", "pip install owner-dist"),
        ("0.9", "and 0.9, which is installed, does not", "pip install --upgrade owner-dist"),
    ],
)
def test_a_kind_that_the_catalogue_knows_names_what_to_install(here, monkeypatch, installed, reason, fix):
    from anemoi.core.plugins import _catalogue

    monkeypatch.setattr(_catalogue, "_catalogue", lambda: {"kind": {"downscaler": "owner-dist"}})
    here.add(**offers())
    if installed:
        here.add("owner-dist", version=installed)
    [one] = [one for one in components() if one.name == "bilinear"]
    assert (one.kind, one.state, one.fix) == ("downscaler", "incompatible", fix)
    assert one.reason == f"its kind 'downscaler' is declared by owner-dist, {reason}"
    with pytest.raises(PluginError, match="declared by owner-dist") as refused:
        load("downscaler", "bilinear")
    assert fix in refused.value.fix
    with pytest.raises(PluginError, match="declared by owner-dist") as refused:
        find_kind("downscaler")
    assert fix in refused.value.fix


def test_the_catalogue_knows_the_kinds_of_the_plugins_beside_the_core(site):
    for kind, group in (("scaler", "scalers"), ("metric", "metrics"), ("callback", "callbacks")):
        site.add(f"{kind}-dist", {group: {f"my-{kind}": "m:C"}})
    found = listed(site)
    owners = dict.fromkeys(("scaler", "callback"), "anemoi-plugin-training")
    for kind, distribution in {**owners, "metric": "anemoi-plugin-verification"}.items():
        one = found[f"my-{kind}"]
        assert one["kind"] == kind
        # Whether that distribution is here, and in which version, is this environment's affair.
        if one["state"] != "ok":
            assert f"its kind '{kind}' is declared by {distribution}, " in one["reason"]
            assert one["fix"].endswith(f" {distribution}")


@pytest.mark.parametrize("state", ["blocked", "incompatible"])
def test_where_the_owner_cannot_be_used_its_components_say_why(site, state):
    site.add(**owner(requires=["anemoi-core>=9"] if state == "incompatible" else ["anemoi-core>=0.1"]))
    site.add(**offers())
    if state == "blocked":
        assert site.anemoi("plugins", "block", "finer-dist").returncode == 0
    found = listed(site)
    assert (found["downscaler"]["state"], found["bilinear"]["state"]) == (state, "incompatible")
    reason = found["downscaler"]["reason"]
    assert found["bilinear"]["reason"] == (
        f"its kind 'downscaler' is declared by finer-dist, where it is {state}: {reason}"
    )
    assert found["bilinear"]["fix"] == found["downscaler"]["fix"] != ""


def test_a_kind_that_is_declared_twice_is_nobodys_until_one_is_blocked(both):
    both.add(**owner("second-dist", modules={}))
    found = json.loads(both.anemoi("plugins", "list", "--json", "--state", "conflict").stdout)
    assert [(one["distribution"], one["reason"], one["fix"]) for one in found] == [
        (
            f"{one}-dist",
            f"the kind 'downscaler' is declared by {other}-dist too, and neither wins",
            "anemoi plugins block finer-dist:downscaler or anemoi plugins block second-dist:downscaler",
        )
        for one, other in (("finer", "second"), ("second", "finer"))
    ]
    one = listed(both)["bilinear"]
    assert one["state"] == "incompatible"
    assert (
        one["reason"] == "its kind 'downscaler' is declared by finer-dist and second-dist, and neither wins"
    )
    assert one["fix"] == (
        "anemoi plugins block finer-dist:downscaler or anemoi plugins block second-dist:downscaler"
    )
    for words in (("check", "bilinear"), ("new", "downscaler", "mine")):
        done = both.anemoi("plugins", *words)
        assert done.returncode == 5
        assert "declared by finer-dist and second-dist, and neither wins" in done.stderr
        assert "anemoi plugins block second-dist:downscaler" in done.stderr
    assert both.anemoi("plugins", "block", "second-dist:downscaler").returncode == 0
    assert listed(both)["bilinear"]["state"] == "ok"


def test_kinds_that_have_one_plural_are_one_kind_declared_twice(here):
    here.add("one-dist", {"kinds": {"base": "m:K"}})
    here.add("two-dist", {"kinds": {"bas": "m:K"}, "bases": {"mine": "m:C"}})
    states = {one.name: one.state for one in components() if one.distribution in ("one-dist", "two-dist")}
    assert states == {"base": "conflict", "bas": "conflict", "mine": "incompatible"}


def test_a_kind_of_the_core_cannot_be_declared_by_another(here):
    here.add("rude-dist", {"kinds": {"processor": "m:K"}, "processors": {"mine": "m:C"}})
    found = {(one.kind, one.name): one for one in components() if one.distribution == "rude-dist"}
    rude = found["kind", "processor"]
    assert (rude.state, rude.fix) == ("conflict", "anemoi plugins block rude-dist:processor")
    assert rude.reason == "anemoi-core has a kind 'processor' of its own, which wins"
    assert found["processor", "mine"].state == "ok"
    with pytest.raises(PluginError, match=r"'processor' of rude-dist .* anemoi-core has a kind"):
        load("kind", "processor")


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ({"finer/kinds.py": "import no_such_module\n"}, "No module named 'no_such_module'"),
        ({"finer/kinds.py": "DOWNSCALER = 1\n"}, "is not an anemoi.core.plugins.Kind"),
        ({"finer/kinds.py": KINDS.replace('"downscaler"', '"upscaler"')}, "the record calls it 'upscaler'"),
        ({"finer/kinds.py": KINDS.replace("name=", "joined=True, name=")}, "core's own kinds alone"),
        ({"finer/kinds.py": KINDS.replace("finer_interface:", "")}, "not of the form module:attribute"),
        ({"finer_interface.py": "import no_such_module\n"}, "No module named 'no_such_module'"),
        ({"finer_interface.py": "raise SystemExit(3)\n"}, "SystemExit: 3"),
    ],
)
def test_a_record_that_cannot_be_used_is_its_owners_fault(site, modules, says):
    site.add(**owner(modules=modules))
    site.add(**offers())
    done = site.anemoi("plugins", "doctor", "bilinear")
    assert done.returncode == 1
    assert says in done.stdout
    assert "to mend it: pip install --upgrade --force-reinstall finer-dist" in done.stdout
    done = site.anemoi("plugins", "check", "bilinear")
    assert done.returncode == 5
    assert says in done.stderr
    assert "force-reinstall finer-dist" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("checks", ["CHECKS = [print]\n", "1 / 0\n"])
def test_checks_that_cannot_be_used_are_the_owners_fault(site, checks):
    site.add(**owner(modules={"finer_checks.py": checks}))
    site.add(**offers())
    done = site.anemoi("plugins", "check", "bilinear")
    assert done.returncode == 5
    assert "finer_checks:CHECKS of finer-dist" in done.stderr


@pytest.mark.parametrize("name", ["Downscaler", "down-scaler", "1st"])
def test_a_name_that_no_kind_can_have_is_refused(here, name):
    here.add("odd-dist", {"kinds": {name: "m:K"}})
    [one] = [one for one in components("kind") if one.distribution == "odd-dist"]
    assert one.state == "broken"
    assert "lower-case letters" in one.reason
    with pytest.raises(PluginError, match="no name of a kind"):
        Kind(name=name)


@pytest.mark.parametrize("rivals", [0, 1])
def test_core_offers_components_like_any_other(here, rivals):
    points = {"graphs": {"of-core": "anemoi.core.graph:Graph"}}
    here.add("anemoi-core", points, version=version("anemoi-core"), requires=["click"])
    for number in range(rivals):
        here.add(f"rival-{number}-dist", {"graphs": {"Of_Core": "m:C"}})
    [one] = [one for one in components("graph") if one.name == "of-core"]
    assert (one.distribution, one.state) == ("anemoi-core", "conflict" if rivals else "ok")


def test_a_component_of_the_core_is_locked_by_the_package_of_the_core(site):
    value = "anemoi.core.interfaces.tracker:Tracker"
    site.add("anemoi-core", {"trackers": {"of-core": value}}, version=version("anemoi-core"))
    code = (
        "import json, anemoi.core, sys; from hashlib import sha256; from pathlib import Path\n"
        "from anemoi.core.plugins import lock\n"
        "base = Path(anemoi.core.__file__).parents[2]\n"
        "import os\n"
        "files = sorted(os.path.relpath(os.path.join(folder, name), base)\n"
        "    for folder, _, names in os.walk(base / 'anemoi/core', followlinks=True) for name in names\n"
        "    if '__pycache__' not in folder)\n"
        "digest = sha256()\n"
        "for name in files:\n"
        "    content = (base / name).read_bytes()\n"
        "    digest.update(f'{name}\\0{len(content)}\\0'.encode() + content)\n"
        "print(json.dumps([lock('tracker', 'of-core'), digest.hexdigest(), len(files)]))\n"
    )
    done = site.run(code)
    assert done.returncode == 0, done.stderr
    locked, reference, number = json.loads(done.stdout)
    assert (locked["distribution"], locked["version"]) == ("anemoi-core", version("anemoi-core"))
    assert locked["hash"] == reference
    assert number > 100


COUNT = """
import collections, json, sys, importlib_metadata
read = collections.Counter()
text = importlib_metadata.PathDistribution.read_text
def counted(self, name):
    read[name] += 1
    return text(self, name)
importlib_metadata.PathDistribution.read_text = counted
from anemoi.core.plugins import components
states = collections.Counter(one.state for one in components() if one.distribution.startswith("many-"))
print(json.dumps([states, read, sorted(name for name in sys.modules if name.startswith("poison"))]))
"""


def fill(site, groups):
    for number in range(300):
        if number % 6:
            site.add(f"many-{number}", "[console_scripts]\nx = y:z\n")
            continue
        named = {group: {f"{group}_{number}": "poison:It"} for group in groups[number // 6 % len(groups)]}
        site.add(f"many-{number}", named, modules={"poison.py": "raise SystemExit('imported')\n"})


def test_open_kinds_cost_a_list_of_three_hundred_distributions_no_read_and_no_import(site, tmp_path):
    """As many files are read as where all components are of core's kinds."""
    fill(site, [("outputs", "trackers")])
    for number in range(0, 300, 30):
        site.add(f"many-more-{number}", {"trackers": {f"tracker-{number}": "poison:It"}})
    core = json.loads(site.run(COUNT).stdout)
    other = type(site)(tmp_path / "other", site.home)
    other.path.mkdir()
    owned = [f"kind_{number}" for number in range(0, 300, 30)]
    fill(other, [(f"{kind}s", "trackers") for kind in owned])
    for kind in owned:
        other.add(f"many-more-{kind.removeprefix('kind_')}", {"kinds": {kind: "poison:It"}})
    opened = json.loads(other.run(COUNT).stdout)
    assert opened == core
    assert core[0] == {"ok": 110}
    assert core[2] == []
