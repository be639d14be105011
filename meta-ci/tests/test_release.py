"""The release train, on scratch repositories: core and plugins apart, and in one tree."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from anemoi_meta_ci.cli import main
from anemoi_meta_ci.distribution import section
from anemoi_meta_ci.errors import MetaCIError
from anemoi_meta_ci.folder_index import Index
from anemoi_meta_ci.release import State, moved, versions

PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = [
  {requires}  # what it is for
]

[project.entry-points."anemoi.core.processors"]
{module} = "{module}:NAME"

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""
PERSON = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


class Repositories:
    """A core and a plugin that requires it, each in a repository with an origin, and an index."""

    def __init__(self, root: Path) -> None:
        self.root, self.index = root, root / "index"
        self.folders = ["anemoi-plugin-a", "anemoi-core"]

    def make(self) -> None:
        root = self.root
        for name, requires in (("anemoi-core", ""), ("anemoi-plugin-a", '"anemoi-core>=0.1,<0.2",')):
            module = name.replace("-", "_")
            self.git(root, "init", "--quiet", "--bare", "--initial-branch=main", f"{name}.git")
            self.git(root, "clone", "--quiet", f"{name}.git", name)
            self.git(root / name, "remote", "set-url", "origin", f"../{name}.git")
            self.git(root / name, "checkout", "--quiet", "-B", "main")
            files = {
                "pyproject.toml": PROJECT.format(name=name, module=module, requires=requires),
                f"src/{module}/__init__.py": f"{requires and 'import anemoi_core'}\nNAME = 1\n",
                "CHANGELOG.md": "# Changelog\n\n## 0.1.0 (unreleased)\n\n- The first.\n",
            }
            self.commit(name, files)
            self.git(root / name, "push", "--quiet", "origin", "main")

    def git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=self.env(), capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stderr
        return done.stdout.strip()

    def env(self, **more: str) -> dict[str, str]:
        return {**os.environ, **PERSON, "GIT_CONFIG_GLOBAL": os.devnull, **more}

    def commit(self, name: str, files: dict[str, str]) -> str:
        for path, text in files.items():
            (self.root / name / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name / path).write_text(text)
        self.git(self.root / name, "add", "--all")
        self.git(self.root / name, "commit", "--quiet", "-m", "Change")
        return self.git(self.root / name, "rev-parse", "HEAD")

    def release(self, *, code: int = 0) -> str:
        """What the command says."""
        folders = [str(self.root / name) for name in self.folders]
        return self.command("run", *folders, "--index", str(self.index), "--push", code=code)

    def command(self, *words: str, code: int = 0) -> str:
        """What a command of ``anemoi-meta-ci release`` says."""
        matrix = str(self.root / "compat-matrix.yaml")
        words = ("anemoi-meta-ci", "--matrix", matrix, "release", *words)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", list(words))
            for name, value in self.env().items():
                patch.setenv(name, value)
            ended = exit_code()
        assert ended == code, out.getvalue() + err.getvalue()
        return err.getvalue() if code else out.getvalue()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.index.rglob("*.whl"))

    def tags(self, name: str) -> list[str]:
        return self.git(self.root / f"{name}.git", "tag").split()

    def read(self, name: str, path: str) -> str:
        return self.git(self.root / f"{name}.git", "show", f"main:{path}")


def exit_code() -> object:
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


@pytest.fixture
def apart(tmp_path):
    made = Repositories(tmp_path)
    made.make()
    return made


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Both released as 0.1.0, and what the command said."""
    made = Repositories(tmp_path_factory.mktemp("once"))
    made.make()
    return made, made.release()


@pytest.fixture
def released(once, tmp_path):
    """The same, to be changed."""
    shutil.copytree(once[0].root, tmp_path / "copy")
    return Repositories(tmp_path / "copy")


def test_what_others_require_is_released_first(once):
    apart, said = once
    assert [line for line in said.splitlines() if line.endswith("released")] == [
        "anemoi-core 0.1.0: released",
        "anemoi-plugin-a 0.1.0: released",
    ]
    assert apart.tags("anemoi-core") == apart.tags("anemoi-plugin-a") == ["v0.1.0"]


def test_fragments_become_versions_changelogs_tags_and_wheels(released):
    released.commit(
        "anemoi-core", {"src/anemoi_core/new.py": "", "changes/new.breaking.md": "Another\nworld."}
    )
    released.release()
    assert released.tags("anemoi-core") == released.tags("anemoi-plugin-a") == ["v0.1.0", "v0.2.0"]
    assert released.files() == [
        f"anemoi_{name}-0.{minor}.0-py3-none-any.whl" for name in ("core", "plugin_a") for minor in (1, 2)
    ]
    changelog = released.read("anemoi-core", "CHANGELOG.md")
    assert "\n- Another\n  world.\n" in changelog
    assert changelog.index("## 0.2.0 (") < changelog.index("## 0.1.0 (")
    files = released.git(released.root / "anemoi-core.git", "ls-tree", "-r", "--name-only", "main")
    assert "changes/" not in files
    assert '"anemoi-core>=0.2,<0.3",  # what it is for' in released.read("anemoi-plugin-a", "pyproject.toml")
    assert released.release().splitlines()[0] == "Nothing has changes to release."


def test_pip_installs_the_known_good_set_as_it_is(once):
    apart, _ = once
    target = apart.root / "installed"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "--quiet"]
    place = ["--index-url", apart.index.as_uri(), "--target", target]
    subprocess.run([*command, *place, "-r", apart.index / "known-good-0.1.txt"], check=True)
    assert (target / "anemoi_core" / "__init__.py").exists()
    assert (target / "anemoi_plugin_a" / "__init__.py").exists()


def test_a_wheel_can_be_built_again_from_what_its_statement_names(once):
    apart, _ = once
    (wheel,) = apart.index.rglob("anemoi_core-*.whl")
    document = json.loads(wheel.with_name(f"{wheel.name}.statement.json").read_text())
    assert document["subject"][0]["name"] == wheel.name
    before = wheel.read_bytes()
    definition = document["predicate"]["buildDefinition"]
    commit = definition["resolvedDependencies"][0]["digest"]["gitCommit"]
    assert commit == apart.git(apart.root / "anemoi-core.git", "rev-parse", "v0.1.0^{commit}")
    clone = apart.root / "again"
    apart.git(apart.root, "clone", "--quiet", "anemoi-core.git", str(clone))
    apart.git(clone, "checkout", "--quiet", commit)
    epoch = str(definition["internalParameters"]["SOURCE_DATE_EPOCH"])
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", clone],
        env=apart.env(SOURCE_DATE_EPOCH=epoch),
        check=True,
        capture_output=True,
    )
    assert next((clone / "dist").glob("*.whl")).read_bytes() == before


def test_nothing_is_tagged_if_one_wheel_fails_its_tests_and_the_next_train_goes_on(apart):
    name = "anemoi-plugin-a"
    project = (apart.root / name / "pyproject.toml").read_text()
    extra = project.replace("[project.e", '[project.optional-dependencies]\ntest = ["pytest"]\n\n[project.e')
    apart.commit(name, {"pyproject.toml": extra, "tests/test_own.py": "def test_own():\n    assert 1 == 2\n"})
    said = apart.release(code=2)
    assert "anemoi-plugin-a 0.1.0 fails, so nothing is released" in said
    assert "assert 1 == 2" in said
    assert not apart.index.exists()
    assert apart.tags("anemoi-core") == apart.tags(name) == []
    apart.commit(name, {"tests/test_own.py": "def test_own():\n    import anemoi_plugin_a\n"})
    apart.release()
    assert apart.tags("anemoi-core") == apart.tags(name) == ["v0.1.0"]


def test_what_was_interrupted_after_its_tag_or_before_its_push_is_finished(released):
    for path in (released.index / "anemoi-plugin-a").iterdir():
        path.unlink()
    released.git(released.root / "anemoi-core.git", "tag", "--delete", "v0.1.0")
    said = released.release()
    assert "anemoi-core 0.1.0: released before, pushed" in said
    assert "anemoi-plugin-a 0.1.0: tagged before, not in the index" in said
    assert released.tags("anemoi-core") == ["v0.1.0"]
    assert len(released.files()) == 2


MATRIX = """
version: 1
lines: {main: {core: {path: anemoi-core}}}
plugins: {anemoi-plugin-a: {source: {path: anemoi-plugin-a}}}
legs: {all: {lines: [main], python: ["3.11"], stages: [cli]}}
"""


def test_without_folders_the_set_of_the_matrix_has_to_be_proved(apart, monkeypatch):
    (apart.root / "compat-matrix.yaml").write_text(MATRIX)
    for words in (["plan"], ["run", "--index", str(apart.index)]):
        assert "results.json" in apart.command(*words, code=2)
    monkeypatch.setattr("anemoi_meta_ci.release_cli.MatrixRun.load", lambda path: None)
    monkeypatch.setattr("anemoi_meta_ci.release_cli.known_good", lambda *proof: "")
    apart.commit("anemoi-core", {"changes/new.fix.md": "Mended.\nIndeed."})
    lines = [
        "1. anemoi-core not released -> 0.1.0",
        "     Mended.",
        "2. anemoi-plugin-a not released -> 0.1.0",
    ]
    assert apart.command("plan").splitlines() == lines
    assert [row["name"] for row in json.loads(apart.command("plan", "--json"))] == apart.folders[::-1]


def test_a_train_that_stops_between_two_distributions_goes_on(released, monkeypatch):
    released.commit("anemoi-core", {"changes/new.breaking.md": "Another world."})
    write = Index._write

    def full(index, wheel, statement):
        if wheel.name == "anemoi-plugin-a":
            raise OSError("no space left")
        write(index, wheel, statement)

    with monkeypatch.context() as patch:
        patch.setattr(Index, "_write", full)
        said = released.release(code=2)
    assert "anemoi_plugin_a-0.2.0-py3-none-any.whl cannot be put into the index: no space left" in said
    assert released.tags("anemoi-core") == ["v0.1.0", "v0.2.0"]
    assert released.tags("anemoi-plugin-a") == ["v0.1.0"]
    assert len(released.files()) == 3
    released.release()
    assert released.tags("anemoi-plugin-a") == ["v0.1.0", "v0.2.0"]
    assert len(released.files()) == 4


def test_a_release_with_other_contents_is_refused(released):
    before = released.files()
    released.commit("anemoi-core", {"src/anemoi_core/new.py": ""})
    assert "no changelog fragment says why" in released.release(code=2)
    released.git(released.root / "anemoi-core", "tag", "--force", "v0.1.0")
    assert "anemoi-core 0.1.0 is in the index with other contents" in released.release(code=2)
    for name in ("anemoi-core", "anemoi-core.git"):
        released.git(released.root / name, "tag", "--delete", "v0.1.0")
    assert "anemoi-core 0.1.0 is in the index with other contents" in released.release(code=2)
    assert released.files() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda it: (it.root / "anemoi-core" / "new.py").write_text(""), "not committed, new.py among them"),
        (lambda it: it.git(it.root / "anemoi-core", "checkout", "--quiet", "--detach"), "is on no branch"),
        (
            lambda it: it.commit("anemoi-core", {"changes/new.misc.md": "?"}),
            "new.misc.md is no changelog fragment",
        ),
        (lambda it: it.folders.append("nosuch"), "nosuch: no pyproject.toml"),
        (
            lambda it: it.commit("anemoi-core", {"pyproject.toml": "[project"}),
            "pyproject.toml cannot be read",
        ),
        (
            lambda it: it.commit(
                "anemoi-core", {"pyproject.toml": PROJECT.format(name="b", module="b", requires='"?"')}
            ),
            "pyproject.toml cannot be released",
        ),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_released(apart, change, named):
    change(apart)
    assert named in apart.release(code=2)
    assert not apart.index.exists()
    assert not apart.tags("anemoi-core")


def test_what_origin_has_is_pulled_first(apart):
    apart.git(apart.root, "clone", "--quiet", "anemoi-core.git", "other")
    apart.commit("other", {"more.txt": ""})
    apart.git(apart.root / "other", "push", "--quiet", "origin", "HEAD:main")
    assert "lacks 1 commits of origin" in apart.release(code=2)


def state(name, version="0.1.0", released="0.1.0", kinds=(), requires=(), extras=()):
    return State(
        name, version, released, kinds, *(tuple(map(Requirement, each)) for each in (requires, extras))
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([state("a")], {}),
        ([state("a", released=None)], {"a": "0.1.0"}),
        ([state("a", version="0.3.0")], {"a": "0.3.0"}),
        ([state("a", version="0.3.0", kinds=("fix",))], {"a": "0.3.0"}),
        (
            [state("b", requires=["a>=0.1,<0.2"]), state("a", kinds=("fix",))],
            {"a": "0.1.1"},
        ),
        (
            [
                state("c", requires=["b"]),
                state("b", requires=["a>=0.1,<0.2"]),
                state("a", kinds=("breaking",)),
            ],
            {"a": "0.2.0", "b": "0.2.0"},
        ),
        # A requirement of an extra may run in a circle, that of core's quickstart on a plugin.
        (
            [state("b", requires=["a<0.2"]), state("a", kinds=("breaking",), extras=["b<0.2"])],
            {"a": "0.2.0", "b": "0.2.0"},
        ),
        ([state("b", extras=["a<0.2"]), state("a", kinds=("breaking",))], {"a": "0.2.0", "b": "0.1.1"}),
    ],
)
def test_versions_follow_from_changes_and_requirements(states, expected):
    found = versions(states)
    assert found == expected
    order = list(found)
    for each in states:
        for needed in each.requires:
            if each.name in found and needed.name in found:
                assert order.index(needed.name) < order.index(each.name)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            state("a", version="0.1.1", kinds=("fix", "breaking")),
            "breaking change after 0.1.0 makes it 0.2.0",
        ),
        (state("a", version="0.0.9"), "0.1.0 is released"),
    ],
)
def test_a_version_that_contradicts_the_fragments_is_refused(given, named):
    with pytest.raises(MetaCIError, match=named):
        versions([given])


def test_a_circle_of_requirements_is_refused():
    with pytest.raises(MetaCIError, match="require each other"):
        versions([state("a", requires=["b"]), state("b", requires=["a"], kinds=("fix",))])


@pytest.mark.parametrize(
    ("requirement", "version", "expected"),
    [
        ("a>=0.1,<0.2", "0.2.3", "a>=0.2,<0.3"),
        ("a[x,y]<1", "1.4.0", "a[x,y]>=1,<2"),
        ("a<0.2; python_version < '3.12'", "0.2.0", 'a>=0.2,<0.3; python_version < "3.12"'),
    ],
)
def test_a_requirement_moves_to_the_line_of_a_version(requirement, version, expected):
    assert moved(Requirement(requirement), version) == expected


def test_what_the_changelog_says_of_a_version_stays():
    before = textwrap.dedent(
        """\
        # Changelog

        ## 0.2.0 (unreleased)

        What is new is in [changes/](changes/) until it is released.

        - By hand.

        ## 0.1.0

        - The first.
        """
    )
    after = section(before, "0.2.0", ["New\n\n    code"], datetime.date(2026, 12, 1))
    assert after == textwrap.dedent(
        """\
        # Changelog

        ## 0.2.0 (2026-12-01)

        - New

              code
        - By hand.

        ## 0.1.0

        - The first.
        """
    )
    assert section(after, "0.2.0", [], datetime.date(2027, 1, 1)) == after
