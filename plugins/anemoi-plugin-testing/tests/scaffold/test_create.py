from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from anemoi.core.cli import main
from anemoi.core.plugins import group

from anemoi_plugin_testing import checks
from anemoi_plugin_testing.scaffold import _source, kinds_of_template
from anemoi_plugin_testing.scaffold._render import LONGEST
from anemoi_plugin_testing.scaffold.create import supported_pythons

from .conftest import commit, git


@pytest.mark.parametrize("kind", kinds_of_template())
def test_each_kind_becomes_a_repository(kind, tmp_path, capsys):
    assert main(["plugins", "new", kind, "mine", "--output-dir", str(tmp_path)]) == 0
    made = tmp_path / "anemoi-plugin-mine"
    assert f"{made} is made" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == [made.name]
    whole = {
        ".cruft.json", ".github", ".gitignore", ".pre-commit-config.yaml", ".tours", "CHANGELOG.md",
        "CITATION.cff", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md",
        "docs", "mkdocs.yml", "pyproject.toml", "src", "tests",
    }  # fmt: skip
    assert {path.name for path in made.iterdir()} == whole
    files = [path for path in made.rglob("*") if path.is_file()]
    assert [path for path in files if "cookiecutter" in path.read_text() and path.name != ".cruft.json"] == []
    assert [path for path in files if not path.stat().st_size and path.name != "py.typed"] == []
    project = (made / "pyproject.toml").read_text()
    assert f'[project.entry-points."{group(kind)}"]' in project
    # The state machines of the kit need it, and are skipped without.
    machines = any(each.name == "stays_right_in_any_order" for each in checks(kind))
    assert ('"anemoi-plugin-testing[hypothesis]>=' in project) is machines


def test_actions_are_pinned_and_may_read_alone(plugin):
    for file in sorted((plugin / ".github/workflows").iterdir()):
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        for step in steps:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"none/none@{'0' * 40}")), step
        kept = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        assert all(each["persist-credentials"] is False for each in kept)


@pytest.mark.parametrize(
    "words", [["repo-review", "."], ["zizmor", "--offline", "."]], ids=lambda each: each[0]
)
def test_the_reviews_of_others_find_nothing(words, plugin):
    """What sp-repo-review asks for and the template has not is named, with the reason, in pyproject.toml."""
    tool = Path(sys.executable).with_name(words[0])
    if not tool.is_file():
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([tool, *words[1:]], cwd=plugin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_asked_for_is_written(tmp_path):
    words = [
        "--centre",
        "The Weather Office",
        "--owner",
        "office",
        "--licence",
        "MIT",
        "--python",
        "3.12,3.11",
    ]
    words += ["--description", "Layers that forget", "--output-dir", str(tmp_path / "new" / "place")]
    assert main(["plugins", "new", "tracker", "anemoi_plugin_My.Tracker", *words]) == 0
    made = tmp_path / "new" / "place" / "anemoi-plugin-my-tracker"
    project = (made / "pyproject.toml").read_text()
    assert 'authors = [{ name = "The Weather Office" }]' in project
    assert 'license = "MIT"' in project
    assert 'requires-python = ">=3.11"' in project
    assert 'description = "Layers that forget"' in project
    assert "anemoi_plugin_my_tracker.tracker:MyTracker" in project
    assert "Copyright (c) The Weather Office" in (made / "LICENSE").read_text()
    assert 'python: ["3.11", "3.12"]' in (made / ".github/workflows/ci.yml").read_text()
    assert "github.com/office/anemoi-plugin-my-tracker" in (made / "README.md").read_text()


def test_the_record_says_what_and_not_where(tmp_path):
    main(["plugins", "new", "hook", "mine", "--output-dir", str(tmp_path)])
    state = json.loads((tmp_path / "anemoi-plugin-mine" / ".cruft.json").read_text())
    assert (state["template"], state["checkout"]) == (
        "anemoi-plugin-testing",
        _source.version("anemoi-plugin-testing"),
    )
    assert set(state["context"]["cookiecutter"]) == {
        "kind", "name", "description", "centre", "owner", "licence", "python", "core"
    }  # fmt: skip
    assert str(tmp_path) not in json.dumps(state)


def test_the_same_files_are_the_same_commit_on_every_machine(tmp_path, template, monkeypatch):
    one = _source.source(None).checkout
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    (template.path / "templates" / "__pycache__").mkdir()
    (template.path / "templates" / "__pycache__" / "component.pyc").write_bytes(b"compiled")
    assert _source.source(None).checkout == one
    template.add("NEWS.md", "new\n")
    assert _source.source(None).checkout != one


def test_a_repository_of_the_centres_own_is_taken(tmp_path, template):
    template.add("HOUSE.md", "Our rules for {% raw %}{{ all }}{% endraw %}.\n")
    commit(template.path)
    git(template.path, "branch", "ours")
    words = ["--template", str(template.path), "--checkout", "ours", "--output-dir", str(tmp_path)]
    assert main(["plugins", "new", "hook", "mine", *words]) == 0
    made = tmp_path / "anemoi-plugin-mine"
    assert (made / "HOUSE.md").read_text() == "Our rules for {{ all }}.\n"
    state = json.loads((made / ".cruft.json").read_text())
    assert (state["template"], state["checkout"]) == (str(template.path), "ours")
    assert state["commit"] == git(template.path, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hook", "2fast"], "cannot be called"),
        (["hook", "a" * (LONGEST + 1)], "cannot be called"),
        (["hook", "-"], "cannot be called"),
        (["processor", "transformer"], "anemoi-plugin-transformer"),
        (["hook", "transformer"], "of Anemoi's own"),
        (["hook", "mine", "--python", "2.7"], "2.7"),
        (["hook", "mine", "--centre", 'The "Office"'], "centre"),
        (["hook", "mine", "--description", ""], None),
        (["hook", "mine", "--template", "."], "no cookiecutter.json"),
        (["hook", "mine", "--template", "/no/such/repository"], "/no/such/repository"),
        (["hook", "mine", "--output-dir", "/dev/null/x"], "--output-dir"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_left(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = main(["plugins", "new", *words])
    complaint = capsys.readouterr().err
    if said is None:
        assert code == 0
        return
    assert code == 2
    assert said in complaint
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_what_is_there_is_left_alone(plugin, tmp_path, capsys):
    (plugin / "README.md").write_text("mine")
    assert main(["plugins", "new", "hook", "mine", "--output-dir", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert (plugin / "README.md").read_text() == "mine"


def test_without_cruft_one_message_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cruft", None)
    assert main(["plugins", "new", "hook", "mine", "--output-dir", str(tmp_path)]) == 2
    assert 'pip install "cruft>=2.16,<3"' in capsys.readouterr().err


def test_the_versions_of_python_are_those_of_the_core():
    assert supported_pythons() == ["3.10", "3.11", "3.12", "3.13"]


def test_the_owner_of_the_official_names_may_have_one(tmp_path):
    words = ["--owner", "anemoi", "--output-dir", str(tmp_path)]
    assert main(["plugins", "new", "hook", "transformer", *words]) == 0


def test_a_tour_that_points_nowhere_says_which_step_and_what_to_do(plugin):
    code = plugin / "src/anemoi_plugin_mine/hook.py"
    code.write_text(code.read_text().replace("class MineHook(Hooks)", "class Other(Hooks)"))
    words = ["-q", "-p", "no:cacheprovider", "tests/test_repository.py", "-k", "tours"]
    run = functools.partial(subprocess.run, cwd=plugin, capture_output=True, text=True, check=False)
    assert run([sys.executable, "-m", "pytest", *words]).returncode == 0  # A new name is no reason to fail.
    code.write_text(code.read_text().replace("def training_step(", "def after("))
    said = run([sys.executable, "-m", "pytest", *words]).stdout
    assert "Step 2 of .tours/code.tour looks for" in said
    assert "or remove the step" in said
