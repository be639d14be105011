"""A plugin with a component of a kind that another distribution declares, made and kept in step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from anemoi.core.cli import main
from anemoi.core.plugins import KINDS

from anemoi_plugin_testing.scaffold import _source, kinds_of_template

from .conftest import commit

MODULE = '''
from abc import ABC, abstractmethod

from anemoi.core.plugins import Kind
from anemoi_plugin_testing import contract, require


class Downscaler(ABC):
    @abstractmethod
    def refine(self, field): ...


@contract()
def is_longer(subject):
    """The finer field is longer."""
    require(len(subject.build().refine([1, 2])) > 2, "it is not")


CHECKS = (is_longer,)
DOWNSCALER = Kind(
    name="downscaler",
    interface="grain.kinds:Downscaler",
    checks="grain.kinds:CHECKS",
    scaffold="grain:scaffold",
)
'''
FILES = {
    "component.py": '''"""The downscaler ``{{ cookiecutter.name }}``."""

from grain.kinds import Downscaler


class {{ cookiecutter.__class }}(Downscaler):
    """Repeats each value."""

    def refine(self, field):
        """See :class:`grain.kinds.Downscaler`."""
        return [value for value in field for _ in range(2)]
''',
    "conf.yaml": "name: {{ cookiecutter.name }}\n",
    "test_component.py": """from {{ cookiecutter.__package }} import {{ cookiecutter.kind }}


def test_each_value_is_repeated():
    assert {{ cookiecutter.kind }}.{{ cookiecutter.__class }}().refine([1, 2]) == [1, 1, 2, 2]
""",
    "index.md": "# The downscaler `{{ cookiecutter.name }}`\n",
    "steps.json": '    {"file": "README.md", "pattern": "^#", "description": "It."},\n',
}


@dataclass
class Owner:
    """What declares the kind; its files may be changed."""

    path: Path

    def write(self, name: str, text: str) -> None:
        (self.path / "grain" / "scaffold" / name).write_text(text, encoding="utf-8")


def distribution(path: Path, name: str, entry_points: str) -> None:
    folder = path / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def owner(tmp_path, monkeypatch):
    path = tmp_path / "home" / "site"
    distribution(path, "grain-dist", "[anemoi.core.kinds]\ndownscaler = grain.kinds:DOWNSCALER\n")
    made = Owner(path)
    (path / "grain" / "scaffold").mkdir(parents=True)
    (path / "grain" / "__init__.py").write_text("")
    (path / "grain" / "kinds.py").write_text(MODULE)
    for name, text in FILES.items():
        made.write(name, text)
    monkeypatch.syspath_prepend(path)
    for module in ("grain", "grain.kinds"):  # Of the test before, from another directory.
        monkeypatch.delitem(sys.modules, module, raising=False)
    return made


def new(tmp_path, *words):
    return main(["plugins", "new", "downscaler", "mine", "--output-dir", str(tmp_path), *words])


def test_what_is_made_keeps_the_contract_of_its_kind(owner, tmp_path):
    assert new(tmp_path) == 0
    made = tmp_path / "anemoi-plugin-mine"
    project = (made / "pyproject.toml").read_text()
    group = '[project.entry-points."anemoi.core.downscalers"]\n'
    assert f'{group}mine = "anemoi_plugin_mine.downscaler:MineDownscaler"\n' in project
    assert '"grain-dist",' in project
    assert (made / "src/anemoi_plugin_mine/conf/downscaler/mine.yaml").read_text() == "name: mine\n"
    assert json.loads((made / ".tours" / "code.tour").read_text())["steps"][1]["description"] == "It."
    distribution(
        owner.path, "anemoi-plugin-mine",
        "[anemoi.core.downscalers]\nmine = anemoi_plugin_mine.downscaler:MineDownscaler\n"
        "[anemoi.core.configs]\nmine = anemoi_plugin_mine.conf\n",
    )  # fmt: skip
    path = os.pathsep.join([str(owner.path), str(made / "src")])
    words = ["-q", "-p", "no:cacheprovider", "tests/test_contract.py", "tests/test_downscaler.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=made,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "TestDownscaler" in (made / "tests/test_contract.py").read_text()


def test_its_owner_says_what_else_it_needs(owner, tmp_path):
    (owner.path / "grain" / "scaffold" / "conf.yaml").unlink()
    facts = {"class": "Refiner", "dependencies": ["grain-dist>=1.0"], "use": "anemoi grain {name}"}
    owner.write("kind.json", json.dumps(facts))
    assert new(tmp_path) == 0
    made = tmp_path / "anemoi-plugin-mine"
    project = (made / "pyproject.toml").read_text()
    assert "anemoi_plugin_mine.downscaler:MineRefiner" in project
    assert '"grain-dist>=1.0",' in project
    assert "anemoi.core.configs" not in project
    assert "    anemoi grain mine\n" in (made / "README.md").read_text()


def test_what_no_tool_may_take_for_python_has_another_ending(owner, tmp_path):
    for name in ("component.py", "test_component.py"):
        file = owner.path / "grain" / "scaffold" / name
        file.rename(file.with_name(f"{name}.jinja"))
    assert new(tmp_path) == 0
    made = tmp_path / "anemoi-plugin-mine"
    assert "class MineDownscaler(Downscaler)" in (made / "src/anemoi_plugin_mine/downscaler.py").read_text()
    assert "MineDownscaler().refine" in (made / "tests/test_downscaler.py").read_text()
    assert not list(made.rglob("*.jinja"))


def test_what_is_new_in_the_scaffold_is_brought_by_an_update(owner, tmp_path, capsys):
    assert new(tmp_path) == 0
    plugin = tmp_path / "anemoi-plugin-mine"
    commit(plugin)
    assert main(["plugins", "update", str(plugin), "--check"]) == 0
    owner.write("index.md", "# The downscaler `{{ cookiecutter.name }}`\n\nIt repeats.\n")
    assert main(["plugins", "update", str(plugin), "--check"]) == 1
    assert main(["plugins", "update", str(plugin)]) == 0
    assert (plugin / "docs" / "index.md").read_text() == "# The downscaler `mine`\n\nIt repeats.\n"
    commit(plugin)
    assert main(["plugins", "update", str(plugin), "--check"]) == 0


def test_an_update_without_the_owner_says_that_it_is_missing(owner, tmp_path, monkeypatch, capsys):
    assert new(tmp_path) == 0
    monkeypatch.syspath_prepend(tmp_path)
    sys.path.remove(str(owner.path))
    assert main(["plugins", "update", str(tmp_path / "anemoi-plugin-mine"), "--check"]) == 5
    assert "no kind of component called 'downscaler'" in capsys.readouterr().err


def test_a_template_that_has_the_kind_keeps_its_own(owner, tmp_path, template):
    (template.path / "templates" / "kinds" / "downscaler").mkdir()
    for name, text in FILES.items():
        house = text if name == "steps.json" else text.replace("downscaler `", "downscaler of the house `")
        (template.path / "templates" / "kinds" / "downscaler" / name).write_text(house)
    settings = json.loads((template.path / "cookiecutter.json").read_text())
    settings["kind"].append("downscaler")
    settings["_kinds"]["downscaler"] = {**settings["_kinds"]["tracker"], "class": "House"}
    (template.path / "cookiecutter.json").write_text(json.dumps(settings))
    assert new(tmp_path) == 0
    made = tmp_path / "anemoi-plugin-mine"
    assert (made / "docs/index.md").read_text() == "# The downscaler of the house `mine`\n"
    assert "MineHouse" in (made / "pyproject.toml").read_text()


def test_a_repository_that_has_not_the_kind_is_refused(owner, tmp_path, template, capsys):
    commit(template.path)
    assert new(tmp_path, "--template", str(template.path)) == 2
    assert "downscaler" in capsys.readouterr().err
    assert not (tmp_path / "anemoi-plugin-mine").exists()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("steps.json", None, "grain:scaffold of grain-dist, has no steps.json"),
        ("kind.json", "{", "kind.json of grain-dist cannot be read"),
        ("kind.json", '{"klass": 1}', "kind.json of grain-dist has klass, which means nothing"),
        (None, None, "grain:scaffold of grain-dist, is not there"),
    ],
)
def test_a_scaffold_that_cannot_be_used_is_the_owners_fault(owner, file, text, said, tmp_path, capsys):
    if file is None:
        (owner.path / "grain" / "scaffold").rename(owner.path / "grain" / "other")
    elif text is None:
        (owner.path / "grain" / "scaffold" / file).unlink()
    else:
        owner.write(file, text)
    assert new(tmp_path) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "anemoi-plugin-mine").exists()


def test_the_template_has_files_for_every_kind_of_the_core_but_that_of_kinds():
    settings = json.loads((_source.TEMPLATE / "cookiecutter.json").read_text())
    assert [*settings["kind"], "kind"] == list(KINDS)
    assert settings["kind"] == list(settings["_kinds"]) == list(kinds_of_template())
    for name in settings["kind"]:
        assert (
            _source.TEMPLATE / "templates" / "kinds" / name / "component.py"
        ).is_file() or name == "config"
