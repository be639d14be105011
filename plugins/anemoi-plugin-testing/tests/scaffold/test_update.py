from __future__ import annotations

import json
import shutil
import zipfile

import pytest
from anemoi.core.cli import main

from anemoi_plugin_testing.scaffold import _source

from .conftest import CI, commit, git


def update(plugin, *words):
    return main(["plugins", "update", str(plugin), *words])


def edit(plugin, file, old, new):
    text = (plugin / file).read_text()
    assert old in text
    (plugin / file).write_text(text.replace(old, new, 1))


def test_a_plugin_in_step_is_left_alone(plugin, capsys):
    assert update(plugin, "--check") == 0
    assert update(plugin) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert git(plugin, "status", "--porcelain") == ""


def test_what_is_new_joins_what_the_user_changed(plugin, template, capsys):
    edit(plugin, "pyproject.toml", "dependencies = [\n", 'dependencies = [\n  "numpy>=1.26",\n')
    edit(plugin, "pyproject.toml", 'version = "0.1.0"', 'version = "0.3.0"')
    edit(plugin, "src/anemoi_plugin_mine/hook.py", "not finite", "astray")
    edit(plugin, "README.md", "## Development", "## Thanks\n\nTo all.\n\n## Development")
    (plugin / "docs" / "index.md").unlink()
    commit(plugin)
    template.replace("pyproject.toml", "line-length = 110", "line-length = 100")
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    template.add(
        "HOUSE.md", "Write to {{ '{{ cookiecutter.centre }}' }}.\n".replace("{{ '", "").replace("' }}", "")
    )
    assert update(plugin, "--check") == 1
    assert git(plugin, "status", "--porcelain") == ""
    assert update(plugin) == 0
    said = capsys.readouterr().out
    assert CI in said
    assert "HOUSE.md" in said
    project = (plugin / "pyproject.toml").read_text()
    assert "line-length = 100" in project
    assert '"numpy>=1.26"' in project
    assert 'version = "0.3.0"' in project
    assert "fail-fast: true" in (plugin / CI).read_text()
    assert (plugin / "HOUSE.md").read_text() == "Write to The authors.\n"
    assert "astray" in (plugin / "src/anemoi_plugin_mine/hook.py").read_text()
    assert "To all." in (plugin / "README.md").read_text()
    assert not (plugin / "docs" / "index.md").exists()
    assert [
        path for path in plugin.rglob("*") if path.is_file() and "<<<<<<<" in path.read_text(errors="replace")
    ] == []
    commit(plugin)
    assert update(plugin, "--check") == 0


def test_a_conflict_is_an_error_that_names_the_file_and_loses_nothing(plugin, template, capsys):
    edit(plugin, CI, "fail-fast: false", "fail-fast: false  # we want to see all")
    commit(plugin)
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    template.replace("README.md", "## Development", "## Working on it")
    assert update(plugin) == 2
    said = capsys.readouterr()
    assert CI in said.err
    assert "README.md" not in said.err
    assert "git reset --hard" in said.err
    assert "nothing to do" not in said.out
    text = (plugin / CI).read_text()
    assert "we want to see all" in text
    assert "fail-fast: true" in text
    assert "## Working on it" in (plugin / "README.md").read_text()
    # Until it is resolved, nothing says that all is well.
    for words in ([], ["--check"]):
        assert update(plugin, *words) == 2
        assert f"unresolved in {CI}" in capsys.readouterr().err
    commit(plugin)  # With the markers still in it.
    assert update(plugin, "--check") == 2
    resolved = (
        text.split("<<<<<<<")[0]
        + "      fail-fast: true  # after all\n"
        + text.split(">>>>>>>")[1].split("\n", 1)[1]
    )
    (plugin / CI).write_text(resolved)
    commit(plugin)
    assert update(plugin, "--check") == 0


def test_an_update_can_be_taken_back(plugin, template):
    edit(plugin, CI, "fail-fast: false", "fail-fast: maybe")
    commit(plugin)
    before = {
        path: path.read_bytes() for path in plugin.rglob("*") if path.is_file() and ".git" not in path.parts
    }
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    assert update(plugin) == 2
    git(plugin, "reset", "--hard")
    assert before == {path: path.read_bytes() for path in before}
    assert update(plugin, "--check") == 1


def test_where_git_cannot_merge_what_did_not_fit_is_named(plugin, template, capsys):
    """The plugin was changed before its first commit, so git has never seen what the template made."""
    shutil.rmtree(plugin / ".git")
    edit(plugin, CI, "fail-fast: false", "fail-fast: maybe")
    commit(plugin)
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    assert update(plugin) == 2
    assert CI in capsys.readouterr().err
    assert "fail-fast: maybe" in (plugin / CI).read_text()
    assert update(plugin, "--check") == 2


def test_a_file_of_the_users_is_not_overwritten(plugin, template, capsys):
    (plugin / "HOUSE.md").write_text("Ours.\n")
    commit(plugin)
    template.add("HOUSE.md", "The template's.\n")
    assert update(plugin) == 2
    assert "HOUSE.md" in capsys.readouterr().err
    assert "Ours." in (plugin / "HOUSE.md").read_text()


def test_a_plugin_within_a_larger_repository_is_updated_alone(tmp_path, template):
    main(["plugins", "new", "hook", "mine", "--output-dir", str(tmp_path / "all" / "plugins")])
    plugin = tmp_path / "all" / "plugins" / "anemoi-plugin-mine"
    commit(tmp_path / "all")
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    assert update(plugin) == 0
    assert "fail-fast: true" in (plugin / CI).read_text()
    changed = git(tmp_path / "all", "status", "--porcelain").split("\n")
    assert all("plugins/anemoi-plugin-mine/" in line for line in changed if line)


def test_changes_that_are_not_committed_are_left_alone(plugin, template, capsys):
    edit(plugin, "README.md", "## Development", "## Working")
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    assert update(plugin) == 2
    assert "README.md" in capsys.readouterr().err
    assert git(plugin, "status", "--porcelain") == " M README.md\n"


def test_without_git_or_record_it_says_what_is_missing(plugin, tmp_path, capsys):
    shutil.rmtree(plugin / ".git")
    assert update(plugin) == 2
    assert "git init" in capsys.readouterr().err
    (plugin / ".cruft.json").write_text("{")
    assert update(plugin) == 2
    assert "cannot be read" in capsys.readouterr().err
    (plugin / ".cruft.json").unlink()
    assert update(plugin) == 2
    assert "anemoi plugins new" in capsys.readouterr().err


@pytest.fixture
def foreign(plugin, template, tmp_path, monkeypatch):
    """The plugin on another machine, where a newer core is installed and the cache is empty."""
    edit(plugin, ".cruft.json", f'"{_source.version("anemoi-plugin-testing")}"', '"0.0.9"')
    commit(plugin)
    old = tmp_path / "old-template"
    shutil.copytree(template.path, old)
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-machine"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    return old


@pytest.mark.parametrize(
    ("distribution", "place"),
    [
        ("anemoi-plugin-testing", "anemoi_plugin_testing/scaffold/.template"),
        ("anemoi-core", "anemoi/core/scaffold/template"),
    ],
)
def test_what_it_was_made_from_is_fetched_with_the_distribution_it_came_with(
    distribution, place, plugin, foreign, tmp_path
):
    if distribution != "anemoi-plugin-testing":
        edit(plugin, ".cruft.json", '"template": "anemoi-plugin-testing"', f'"template": "{distribution}"')
        commit(plugin)
    stem = f"{distribution.replace('-', '_')}-0.0.9"
    with zipfile.ZipFile(tmp_path / "index" / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.0.9\n"
        )
        wheel.writestr(
            f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
        for path in foreign.rglob("*"):
            if path.is_file():
                wheel.write(path, f"{place}/{path.relative_to(foreign)}")
    assert update(plugin) == 0
    assert "fail-fast: true" in (plugin / CI).read_text()
    made_from = json.loads((plugin / ".cruft.json").read_text())
    assert made_from["template"] == "anemoi-plugin-testing"
    assert made_from["checkout"] == _source.version("anemoi-plugin-testing")


def test_where_it_cannot_be_fetched_nothing_is_changed(plugin, foreign, capsys):
    assert update(plugin) == 2
    assert "0.0.9" in capsys.readouterr().err
    assert git(plugin, "status", "--porcelain") == ""


def test_a_repository_with_a_template_is_followed(tmp_path, template):
    commit(template.path)
    words = ["--template", str(template.path), "--output-dir", str(tmp_path)]
    assert main(["plugins", "new", "hook", "mine", *words]) == 0
    plugin = tmp_path / "anemoi-plugin-mine"
    commit(plugin)
    assert update(plugin, "--check") == 0
    template.replace(CI, "fail-fast: false", "fail-fast: true")
    commit(template.path)
    assert update(plugin, "--check") == 1
    assert update(plugin) == 0
    assert "fail-fast: true" in (plugin / CI).read_text()


def test_an_answer_is_kept_where_its_variable_has_another_name(tmp_path, template):
    words = ["--centre", "The Weather Office", "--output-dir", str(tmp_path)]
    assert main(["plugins", "new", "hook", "mine", *words]) == 0
    plugin = tmp_path / "anemoi-plugin-mine"
    commit(plugin)
    settings = json.loads((template.path / "cookiecutter.json").read_text())
    names = {"centre": "institution", "institution": "organisation"}  # Renamed twice since.
    settings = {names["institution"] if key == "centre" else key: value for key, value in settings.items()}
    (template.path / "cookiecutter.json").write_text(json.dumps({**settings, "_renamed": names}))
    for path in template.path.rglob("*"):
        if path.is_file() and "cookiecutter.centre" in (text := path.read_text(errors="replace")):
            path.write_text(text.replace("cookiecutter.centre", "cookiecutter.organisation"))
    assert update(plugin) == 0
    assert 'authors = [{ name = "The Weather Office" }]' in (plugin / "pyproject.toml").read_text()
    answers = json.loads((plugin / ".cruft.json").read_text())["context"]["cookiecutter"]
    assert answers["organisation"] == "The Weather Office"
    assert "centre" not in answers
    assert [name for name in git(plugin, "status", "--porcelain").split() if name != "M"] == [".cruft.json"]
    commit(plugin)
    assert update(plugin, "--check") == 0
    assert main(["plugins", "add", "forcing", "tide", "--directory", str(plugin)]) == 0
