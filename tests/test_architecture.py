"""Which way imports run: as the design has it, in no circle, and through public modules.

The picture in docs/architecture.md is made from the same imports.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import draw_architecture
import imports


def private(found):
    """Each import of a module or a name that another package keeps to itself."""
    for module in found.values():
        for each in module.imports:
            parts = [part for part in f"{each.origin}.{each.name}".split(".") if part]
            for place, part in enumerate(parts):
                owner = ".".join(parts[:place])
                owner = found[owner].package if owner in found else owner
                hidden = part.startswith("_") and not part.startswith("__")
                if hidden and not f"{module.package}.".startswith(f"{owner}."):
                    yield f"{module.name}: {'.'.join(parts)}"


def circles(found):
    return imports.circles({name: module.homes for name, module in found.items()})


def test_what_is_private_to_a_package_is_imported_by_it_alone():
    assert list(private(imports.modules())) == []


def test_no_modules_import_one_another():
    """Nor do distributions: a circle of theirs would be one of modules, or of two halves of a plugin."""
    assert list(circles(imports.modules())) == []
    found = imports.modules()
    arrows = {name: set() for name in imports.distributions()}
    for module in found.values():
        arrows[module.distribution] |= {found[home].distribution for home in module.homes}
    assert not imports.circles({name: others - {name} for name, others in arrows.items()})


def test_core_imports_no_plugin_and_meta_ci_imports_none_of_all():
    found = imports.modules()
    for module in found.values():
        if module.distribution in ("anemoi-core", "anemoi-meta-ci"):
            assert {found[home].distribution for home in module.homes} <= {module.distribution}, module.name


def test_inside_core_imports_go_down():
    """cli, forecasting, checkpoint, model, config, plugins, interfaces, data types: never up, never across."""
    layers = [*draw_architecture.LAYERS, (*draw_architecture.DATA_TYPES, *draw_architecture.MOVED)]
    level = {name: number for number, layer in enumerate(layers) for name in layer} | {"": -1}
    order = [level[name] for name in ORDER]
    assert order == sorted(set(order))
    arrows = draw_architecture.core_arrows()
    assert set(arrows) == set(level), "say in tools/draw_architecture.py where it belongs"
    last = len(layers) - 1
    wrong = {
        (name, other)
        for name, others in arrows.items()
        for other in others
        if not (level[name] < level[other] or level[name] == level[other] == last)
    }
    assert wrong == set()


ORDER = ("cli", "forecasting", "checkpoint", "model", "config", "plugins", "interfaces", "graph")


def test_the_picture_is_made_of_the_imports(monkeypatch):
    picture = draw_architecture.PICTURE.read_text(encoding="utf-8")
    assert picture == draw_architecture.draw(), "run: python tools/draw_architecture.py"
    assert "architecture.svg" in (imports.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    arrows = draw_architecture.core_arrows()
    arrows["interfaces"] = arrows["interfaces"] | {"held"}
    arrows["held"] = set()
    monkeypatch.setattr(draw_architecture, "core_arrows", lambda: arrows)
    assert picture != draw_architecture.draw()


@pytest.fixture
def repository(tmp_path):
    """A repository of one plugin with these files."""

    def made(files):
        project = tmp_path / "plugins" / "anemoi-plugin-mine"
        for name, text in files.items():
            path = project / "src" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (project / "pyproject.toml").touch()
        imports.modules.cache_clear()
        return imports.modules(tmp_path)

    yield made
    imports.modules.cache_clear()


@pytest.mark.parametrize(
    "text", ["import mine.a._b", "from mine.a._b import x", "from .a import _b", "from .a.b import _x"]
)
def test_a_private_import_is_found(repository, text):
    files = {"mine/__init__": "", "mine/a/__init__": "", "mine/a/b": "_x = 1", "mine/a/_b": "x = 1"}
    assert len(list(private(repository({**files, "mine/c": text})))) == 1


@pytest.mark.parametrize("text", ["from . import _b", "from ._b import x", "import mine.a._b"])
def test_what_is_private_may_be_imported_within_its_package(repository, text):
    files = {"mine/__init__": "", "mine/a/__init__": "", "mine/a/_b": "x = 1", "mine/a/b": text}
    files |= {"mine/a/c/__init__": "", "mine/a/c/d": "from .._b import x"}
    assert not list(private(repository(files)))


TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    ("text", "circle"),
    [
        ("from .b import x", True),
        ("def f():\n    from . import b", True),
        ("import mine.b", True),
        ("from .c import x", True),  # a package, which passes it on from b, lazily
        (f"{TYPING}from .b import x", False),
        (f"{TYPING}pass\nelse:\n    from .b import x", True),
    ],
)
def test_a_circle_is_found(repository, text, circle):
    files = {"mine/__init__": "", "mine/a": text, "mine/b": "from .a import y"}
    files |= {"mine/c/__init__": f"{TYPING}from ..b import x"}
    assert circles(repository(files)) == ([("mine.a", "mine.b")] if circle else [])
