from __future__ import annotations

import ast
import graphlib
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from anemoi.core.cli import main
from anemoi.core.config import Composition, compose, find_layers, layers, override
from anemoi.core.config.compose import HouseRulesWarning
from anemoi.core.errors import ConfigError

Write = Callable[[str, str, str], Path]

LAYERS = ("core", "plugins", "site", "user", "directory")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file of a layer; the layers are all in ``tmp_path``, the plugin's in a package of its own."""
    directories = {
        "core": tmp_path / "core",
        "plugins": tmp_path / "path" / "demo_plugin" / "conf",
        "other plugin": tmp_path / "path" / "other_plugin" / "conf",
        "site": tmp_path / "site",
        "user": tmp_path / "home" / "anemoi",
        "directory": tmp_path / "work" / "conf",
    }
    for directory in directories.values():
        directory.mkdir(parents=True)
    for name in ("demo", "other"):
        package = tmp_path / "path" / f"{name}_plugin"
        (package / "__init__.py").write_text("raise RuntimeError('composing must not import a plugin')")
        (package / "conf" / "__init__.py").write_text("")
        metadata = tmp_path / "path" / f"{name}_plugin-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[anemoi.core.configs]\n{name} = {name}_plugin.conf\n")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setattr(layers, "CORE_DEFAULTS", directories["core"])
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(directories["site"]))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")

    def write(layer: str, name: str, text: str) -> Path:
        path = directories[layer] / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("last", range(len(LAYERS)))
def test_later_layers_win_and_the_history_names_all_of_them(write: Write, last: int) -> None:
    files = [
        write(layer, "demo", f"{'# a comment' * i}\nsection:\n  value: {i}\n")
        for i, layer in enumerate(LAYERS[: last + 1])
    ]
    composition = compose("demo")
    assert composition.get("section.value") == last
    history = composition.history("section.value")
    assert [origin.layer for origin in history] == list(LAYERS[: last + 1])
    assert [origin.file for origin in history] == files
    assert [origin.value for origin in history] == list(range(last + 1))
    assert {origin.line for origin in history} == {3}
    assert composition.history("section.value")[-1].where == f"{files[-1]}:3"


def test_the_command_line_wins_over_every_layer(write: Write) -> None:
    write("directory", "demo", "section: {value: 1}")
    composition = compose("demo", ["section.value=2"])
    assert composition.values == {"section": {"value": 2}}
    assert composition.overrides == ("section.value=2",)
    assert [origin.layer for origin in composition.history("section.value")] == ["directory", "command line"]


def test_a_plugin_file_makes_a_group_option_and_is_not_imported(write: Write) -> None:
    write("plugins", "engine/steam", "name: steam\npressure: 3")
    write("core", "demo", "defaults: [engine: diesel]")
    write("core", "engine/diesel", "name: diesel")
    assert compose("demo").values == {"engine": {"name": "diesel"}}
    composition = compose("demo", ["engine=steam"])
    assert composition.values == {"engine": {"name": "steam", "pressure": 3}}
    assert composition.history("engine.pressure")[-1].distribution == "demo-plugin"
    assert "demo_plugin" not in sys.modules


def test_files_of_one_name_add_up_key_by_key(write: Write) -> None:
    write("plugins", "demo", "defaults: [engine: steam]\nkeep: {a: 1, b: [1, 2]}")
    write("plugins", "engine/steam", "pressure: 3\nboiler: {volume: 2, walls: 4}")
    write("user", "engine/steam", "boiler: {volume: 9}")
    write("directory", "demo", "keep: {b: [3]}")
    assert compose("demo").values == {
        "engine": {"pressure": 3, "boiler": {"volume": 9, "walls": 4}},
        "keep": {"a": 1, "b": [3]},
    }


def test_a_later_layer_wins_whichever_file_it_writes_in(write: Write) -> None:
    # Within a layer the primary file is laid over its groups, as in Hydra; a later layer still wins.
    write("plugins", "demo", "defaults: [engine: steam]\nengine: {pressure: 1}")
    write("plugins", "engine/steam", "pressure: 3")
    assert compose("demo").get("engine.pressure") == 1
    write("site", "engine/steam", "pressure: 5")
    assert compose("demo").get("engine.pressure") == 5


def test_a_later_layer_changes_and_extends_the_defaults(write: Write) -> None:
    write("plugins", "demo", "defaults: [engine: steam, _self_]")
    for engine in ("steam", "diesel"):
        write("plugins", f"engine/{engine}", f"name: {engine}")
    write("plugins", "crew/small", "size: 2")
    write("user", "demo", "defaults: [engine: diesel, crew: small]")
    assert compose("demo").values == {"engine": {"name": "diesel"}, "crew": {"size": 2}}
    assert compose("demo", ["engine=steam"]).get("engine.name") == "steam"


HYDRA = {
    "demo": "defaults: [engine: steam, _self_]\nspeed: 1e-3\nday: 2025-12-01\n"
    "section: {a: 1, b: {c: [1, 2]}, d: '${speed}'}",
    "engine/steam": "name: steam\nboiler: {volume: 2}",
    "engine/diesel": "name: diesel\nlitres: ${section.a}",
    "experiment/fast": "# @package _global_\ndefaults: [override /engine: diesel]\nspeed: 9\nengine: {x: 3}",
    "crew/big": "# @package engine.crew\nsize: 10",
}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["engine=diesel"],
        ["+experiment=fast"],
        ["+experiment=fast", "speed=2", "engine=steam"],
        ["+crew=big", "engine.crew.size=11"],
        ["section.b.c=[5]", "section.a=null", "day='x, y'"],
        ["+section.new={x:1,y:[a,b]}", "++speed=1.5", "~section.d"],
        ["section.b={c:3}", "engine.boiler.volume=true"],
        ["+engine@spare=diesel"],
    ],
    ids=" ".join,
)
def test_one_layer_composes_as_hydra_does(write: Write, tmp_path: Path, words: list[str]) -> None:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    for name, text in HYDRA.items():
        write("directory", name, text)
    with initialize_config_dir(str(tmp_path / "work" / "conf"), version_base="1.3"):
        expected = OmegaConf.to_container(hydra_compose("demo", words), resolve=True)
    assert compose("demo", words).values == expected


def test_composing_leaves_no_trace_in_hydra(write: Write) -> None:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.version import VersionBase

    write("core", "demo", "a: 1")
    before = VersionBase.instance().version_base
    compose("demo")
    assert not GlobalHydra.instance().is_initialized()
    assert VersionBase.instance().version_base is before


def test_a_key_below_a_section_needs_no_plus_and_one_at_the_top_does(write: Write) -> None:
    write("core", "demo", "section: {a: 1}")
    assert compose("demo", ["section.b=2"]).values == {"section": {"a": 1, "b": 2}}
    assert compose("demo", ["+top.new=2"]).get("top.new") == 2
    with pytest.raises(ConfigError, match=r"no key 'sectoin'\.\nDid you mean 'section'"):
        compose("demo", ["sectoin=2"])


def test_a_section_may_be_emptied_and_filled_again(write: Write) -> None:
    write("core", "demo", "section: {a: 1, b: 2}\nother: {c: 3}")
    assert compose("demo", ["~section.a", "~section.b"]).values == {"section": {}, "other": {"c": 3}}
    composition = compose("demo", ["~section", "+section.a=5"])
    assert composition.values == {"section": {"a": 5}, "other": {"c": 3}}
    assert [origin.value for origin in composition.history("section.a")] == [1, 5]


def test_a_section_taken_from_another_keeps_its_history(write: Write) -> None:
    write("core", "demo", "section: {a: 1}\nother: ${section}")
    composition = compose("demo")
    assert composition.values["other"] == {"a": 1}
    assert composition.history("other.a")[-1].value == "${section}"
    assert override(composition, ["other.a=2"]).values == {"section": {"a": 1}, "other": {"a": 2}}


def test_an_unknown_choice_lists_what_there_is_and_the_nearest(write: Write) -> None:
    write("core", "demo", "defaults: [engine: steam]")
    write("core", "engine/steam", "name: steam")
    write("plugins", "engine/diesel", "name: diesel")
    with pytest.raises(
        ConfigError, match=r"no 'stream' in .* 'engine'\.\nDid you mean 'steam'\? .*diesel, steam"
    ):
        compose("demo", ["engine=stream"])


def test_an_unknown_choice_names_the_distribution_that_is_known_to_bring_it(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anemoi.core.plugins import _catalogue

    monkeypatch.setattr(_catalogue, "_catalogue", lambda: {"processor": {"maglev": "trains-for-all"}})
    write("core", "demo", "defaults: [engine: steam]")
    write("core", "engine/steam", "name: steam")
    with pytest.raises(ConfigError, match="pip install trains-for-all"):
        compose("demo", ["engine=maglev"])


def test_an_unknown_choice_names_the_distribution_that_is_blocked(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("core", "demo", "defaults: [engine: steam]")
    write("core", "engine/steam", "name: steam")
    info = tmp_path / "path" / "trains-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trains\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[anemoi.core.processors]\nmaglev = trains:Maglev\n")
    site = tmp_path / "house"
    site.mkdir()
    (site / "blocked-plugins.txt").write_text("trains\n")
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(site))
    with pytest.raises(ConfigError, match="trains has the processor 'maglev', which is blocked: "):
        compose("demo", ["engine=maglev"])


def test_two_plugins_with_one_file_are_told_of_when_it_is_used(write: Write) -> None:
    write("core", "demo", "a: 1")
    write("plugins", "engine/steam", "a: 1")
    write("other plugin", "engine/steam", "a: 2")
    assert compose("demo").values == {"a": 1}
    with pytest.raises(ConfigError, match=r"demo-plugin and other-plugin both bring .*'engine/steam'"):
        compose("demo", ["+engine=steam"])


def test_the_site_plugin_is_under_the_site_directory_and_over_plugins(write: Write, tmp_path: Path) -> None:
    entry_points = tmp_path / "path" / "other_plugin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[anemoi.core.configs]\nsite = other_plugin.conf\n")
    write("plugins", "demo", "{a: 1, b: 1, c: 1}")
    write("other plugin", "demo", "{a: 2, b: 2}")
    write("site", "demo", "{a: 3}")
    (tmp_path / "site" / "blocked-plugins.txt").write_text("!other-plugin:site")
    assert compose("demo").values == {"a": 3, "b": 2, "c": 1}


def test_a_site_plugin_beside_the_institution_s_directory_is_named(write: Write, tmp_path: Path) -> None:
    entry_points = tmp_path / "path" / "other_plugin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[anemoi.core.configs]\nsite = other_plugin.conf\n")
    write("plugins", "demo", "a: 1")
    with pytest.warns(
        HouseRulesWarning, match="other-plugin brings house rules .* plugins block other-plugin:site"
    ):
        compose("demo")
    (tmp_path / "site" / "blocked-plugins.txt").write_text("other-plugin:site")
    write("other plugin", "demo", "a: 2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compose("demo").values == {"a": 1}


def test_a_site_plugin_alone_is_named_until_the_user_allows_it(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_points = tmp_path / "path" / "other_plugin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[anemoi.core.configs]\nsite = other_plugin.conf\n")
    monkeypatch.delenv("ANEMOI_SITE_CONFIG")
    write("plugins", "demo", "a: 1")
    write("other plugin", "demo", "a: 2")
    with pytest.warns(HouseRulesWarning, match="overrule other plugins.* plugins allow other-plugin:site"):
        assert compose("demo").values == {"a": 2}
    assert main(["plugins", "allow", "other-plugin:site"]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compose("demo").values == {"a": 2}
    assert main(["plugins", "block", "other-plugin:site"]) == 0
    assert compose("demo").values == {"a": 1}


def test_two_site_plugins_are_an_error_with_a_way_out(write: Write, tmp_path: Path) -> None:
    write("plugins", "demo", "a: 1")
    write("other plugin", "demo", "a: 2")
    for name in ("demo", "other"):
        entry_points = tmp_path / "path" / f"{name}_plugin-1.0.dist-info" / "entry_points.txt"
        entry_points.write_text(f"[anemoi.core.configs]\nsite = {name}_plugin.conf\n")
    with pytest.raises(ConfigError, match="demo-plugin and other-plugin both bring house rules") as error:
        compose("demo")
    assert "anemoi plugins block demo-plugin:site or anemoi plugins block other-plugin:site" in str(
        error.value
    )
    (tmp_path / "home" / "anemoi" / "blocked-plugins.txt").write_text("other-plugin:site")
    with pytest.warns(HouseRulesWarning, match="demo-plugin"):
        assert compose("demo").values == {"a": 1}


def test_one_of_two_files_of_one_name_is_chosen_by_its_distribution(write: Write) -> None:
    write("core", "demo", "defaults: [engine: diesel]")
    write("core", "engine/diesel", "a: 0")
    write("plugins", "engine/steam", "a: 1\nb: 1")
    write("other plugin", "engine/steam", "a: 2")
    write("user", "engine/steam", "c: 3")
    with pytest.raises(ConfigError) as error:
        compose("demo", ["engine=steam"])
    assert "engine=demo-plugin:steam or engine=other-plugin:steam" in str(error.value)
    assert "anemoi plugins block other-plugin:other" in str(error.value)
    assert compose("demo", ["engine=other-plugin:steam"]).values == {"engine": {"a": 2, "c": 3}}
    assert compose("demo", ["engine=Demo_Plugin:steam"]).values == {"engine": {"a": 1, "b": 1, "c": 3}}
    write("directory", "demo", "defaults: [engine: demo-plugin:steam]")
    assert compose("demo").values == {"engine": {"a": 1, "b": 1, "c": 3}}
    with pytest.raises(ConfigError, match="There is no 'third:steam'"):
        compose("demo", ["engine=third:steam"])


def test_yml_is_read_as_yaml_is(write: Write, tmp_path: Path) -> None:
    write("core", "demo", "defaults: [engine: diesel]").rename(tmp_path / "core" / "demo.yml")
    write("core", "engine/diesel", "a: 0").rename(tmp_path / "core" / "engine" / "diesel.yml")
    write("user", "demo", "b: 1")
    composition = compose("demo")
    assert composition.values == {"engine": {"a": 0}, "b": 1}
    assert composition.history("engine.a")[-1].file == tmp_path / "core" / "engine" / "diesel.yml"
    write("core", "engine/diesel", "a: 1")
    with pytest.raises(
        ConfigError, match=r"diesel\.yaml and diesel\.yml are one configuration written twice"
    ):
        compose("demo")


def test_a_choice_of_nothing_is_refused_with_a_way_to_leave_the_group_out(write: Write) -> None:
    write("core", "demo", "defaults: [engine: diesel]\nwheels: 4")
    write("core", "engine/diesel", "a: 0")
    with pytest.raises(ConfigError, match="'engine=null': 'engine' is a configuration group") as error:
        compose("demo", ["engine=null"])
    assert "To leave engine out: ~engine" in str(error.value)
    assert compose("demo", ["~engine"]).values == {"wheels": 4}


def test_a_plugin_whose_package_is_missing_harms_nobody(write: Write, tmp_path: Path) -> None:
    entry_points = tmp_path / "path" / "other_plugin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[anemoi.core.configs]\nother = nowhere_to_be_found.conf\n")
    write("core", "demo", "a: 1")
    assert compose("demo").values == {"a": 1}
    [layer] = [layer for layer in find_layers() if layer.source == "other-plugin"]
    assert layer.directory is None
    assert "nowhere_to_be_found.conf" in str(layer.problem)


def test_a_record_repeats_a_run_after_everything_has_changed(write: Write) -> None:
    file = write("core", "demo", "a: 0.1\nb: {c: [1, null, true], d: '${a}', e: 1e-300}")
    first = compose("demo", ["b.f=x"])
    record = json.loads(json.dumps(first.to_dict()))
    file.unlink()
    again = Composition.from_dict(record)
    assert (again.primary, again.overrides, again.values) == (first.primary, first.overrides, first.values)
    assert again.history("b.d")[-1].layer == "checkpoint"
    assert (first.trusted, again.trusted) == (True, False)


def test_values_of_a_record_may_be_overridden(write: Write) -> None:
    write("core", "demo", "a: 1\nb: {c: 2}")
    record = compose("demo", ["a=2"])
    changed = override(record, ["b.c=3"])
    assert changed.values == {"a": 2, "b": {"c": 3}}
    assert changed.overrides == ("a=2", "b.c=3")
    assert record.values == {"a": 2, "b": {"c": 2}}
    with pytest.raises(ConfigError, match="'b' is a section"):
        override(record, ["b=other"])


@pytest.mark.parametrize("record", [{}, {"primary": 1, "overrides": [], "values": {}}, {"primary": "a"}])
def test_a_foreign_record_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="not one that Anemoi wrote"):
        Composition.from_dict(record)


def test_importing_the_package_brings_neither_hydra_nor_pydantic() -> None:
    code = (
        "import sys, anemoi.core.config\n"
        "print([name for name in ('hydra', 'omegaconf', 'pydantic', 'torch') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_modules_of_the_package_import_one_another_in_one_direction() -> None:
    """Imports within functions count: they put a circle off, they do not remove it."""
    folder = Path(layers.__file__).parent
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    imports = {name: _imported(folder / f"{name}.py", names) for name in names}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError


def _imported(path: Path, names: set[str]) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and id(node) not in for_types
    ]
    modules = {str(node.module) for node in found if node.module}
    return names & (modules | {alias.name for node in found if not node.module for alias in node.names})


PATHS = [
    "/x/epoch=1-step=2.zarr",
    "/x/新/δεδομένα.zarr",
    "~/x.zarr",
    "/x/a#b.zarr",
    "/x/it's (the last).zarr",
    "/x/with blanks in it.zarr",
    '/x/a "quoted" name.zarr',
    '/x/back\\"slash.zarr',
    "/x/é#\\",
    "s3://bucket/key=value/?a=1&b=2",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("plus", ["", "+"])
def test_a_path_on_the_command_line_is_taken_as_it_stands(write: Write, path: str, plus: str) -> None:
    write("core", "train", "data: {path: null}\n" if not plus else "data: {name: x}\n")
    word = f"{plus}data.path={path}"
    composed = compose("train", [word])
    assert composed.values["data"]["path"] == path
    assert composed.overrides == (word,)
    assert override(composed, [f"data.path={path}"]).values["data"]["path"] == path
