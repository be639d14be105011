"""Whether the tree splits into one repository for each distribution, and takes changes made there back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import scratch
from scratch import commit, git, write

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "split_repositories.py"
PLUGIN = "plugins/anemoi-plugin-a"


def run(tree, *words, code=0):
    command = [sys.executable, TOOL, *map(str, words)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def refs(folder):
    return {path.name: git(path, "for-each-ref") for path in sorted(folder.iterdir())}


@pytest.fixture
def tree(tmp_path):
    return scratch.tree(tmp_path / "tree", ["a"])


@pytest.fixture
def apart(tree, tmp_path):
    """The tree, split, and a clone of the repository of one plugin."""
    run(tree, "split", tmp_path / "apart")
    git(tmp_path, "clone", "--quiet", "apart/anemoi-plugin-a.git", "clone")
    return tmp_path / "apart"


def test_each_repository_has_its_files_its_history_and_its_releases(tree, apart):
    assert [path.name for path in sorted(apart.iterdir())] == ["anemoi-core.git", "anemoi-plugin-a.git"]
    commit(tree, "Mend a", {f"{PLUGIN}/src/anemoi_plugin_a/more.py": "X = 1\n"})
    run(tree, "split", apart)
    repository = apart / "anemoi-plugin-a.git"
    assert git(repository, "rev-parse", "main^{tree}") == git(tree, "rev-parse", f"HEAD:{PLUGIN}")
    assert git(repository, "rev-parse", "v0.1.0^{tree}") == git(
        tree, "rev-parse", f"anemoi-plugin-a/v0.1.0:{PLUGIN}"
    )
    assert git(repository, "log", "--format=%s", "main").splitlines() == ["Mend a", f"Add {PLUGIN}"]
    assert ".github/workflows/ci.yml" in git(repository, "ls-tree", "-r", "--name-only", "main")


def test_the_same_history_gives_the_same_commits_and_those_of_git_subtree(tree, apart, tmp_path):
    before = refs(apart)
    run(tree, "split", apart)
    run(tree, "split", tmp_path / "again")
    assert refs(apart) == before == refs(tmp_path / "again")
    expected = git(tree, "subtree", "split", "-q", f"--prefix={PLUGIN}")
    assert git(apart / "anemoi-plugin-a.git", "rev-parse", "main") == expected


def test_older_lines_of_the_matrix_are_releases(tree, tmp_path):
    git(tree, "tag", "--delete", "anemoi-core/v0.1.0")
    old = git(tree, "rev-parse", "HEAD")
    lines = f"lines:\n  main: {{core: {{path: core}}}}\n  '0.1.0': {{core: {{git: ., ref: {old}}}}}\n"
    commit(tree, "Prove it", {"compat-matrix.yaml": lines, "core/more.py": ""})
    run(tree, "split", tmp_path / "apart", "anemoi-core")
    released = git(tmp_path / "apart" / "anemoi-core.git", "rev-parse", "v0.1.0^{tree}")
    assert released == git(tree, "rev-parse", f"{old}:core")


def test_merges_keep_both_sides(tree, tmp_path):
    git(tree, "checkout", "--quiet", "-b", "side")
    commit(tree, "Beside", {"core/left.py": ""})
    git(tree, "checkout", "--quiet", "main")
    commit(tree, "Meanwhile", {"core/right.py": ""})
    git(tree, "merge", "--quiet", "--no-ff", "-m", "Join", "side")
    run(tree, "split", tmp_path / "apart", "anemoi-core")
    repository = tmp_path / "apart" / "anemoi-core.git"
    assert git(repository, "rev-parse", "main^{tree}") == git(tree, "rev-parse", "HEAD:core")
    assert set(git(repository, "log", "--format=%s", "main").splitlines()) == {
        *("Join", "Meanwhile", "Beside", "Add core")
    }


def test_what_is_linked_takes_the_place_of_the_link_at_every_commit(tree, tmp_path):
    commit(tree, "Share", {"shared/one.txt": "one\n"})
    (tree / "core" / "linked").symlink_to("../shared")
    linked = commit(tree, "Link")
    commit(tree, "Change what is linked", {"shared/one.txt": "two\n"})
    (tree / "core" / "linked").unlink()
    commit(tree, "Link no more")
    commit(tree, "Change what was linked", {"shared/one.txt": "three\n"})
    run(tree, "split", tmp_path / "apart", "anemoi-core")
    repository = tmp_path / "apart" / "anemoi-core.git"
    log = git(repository, "log", "--format=%s", "main").splitlines()
    assert log == ["Link no more", "Change what is linked", "Link", "Add core"]
    assert git(repository, "show", "main~2:linked/one.txt") == "one"
    assert git(repository, "show", "main~1:linked/one.txt") == "two"
    assert "linked" not in git(repository, "ls-tree", "--name-only", "main")
    git(tree, "checkout", "--quiet", linked)
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(repository), "clone")
    git(tmp_path / "clone", "reset", "--quiet", "--hard", "HEAD~2")
    commit(tmp_path / "clone", "Change it apart", {"linked/one.txt": "four\n", "more.py": "X = 1\n"})
    assert run(tree, "bring", tmp_path / "clone") == "Change it apart\n"
    assert (tree / "shared" / "one.txt").read_text() == "four\n"
    assert (tree / "core" / "more.py").read_text() == "X = 1\n"


@pytest.mark.parametrize(
    ("files", "link", "named"),
    [
        ({}, "../../nowhere", r"core/linked is a symbolic link to ../nowhere"),
        ({}, "../nowhere", r"core/linked is a symbolic link to nowhere"),
        (
            {"core/pyproject.toml": '[project]\nname = "anemoi-core"\nreadme = "../README.md"\n'},
            "",
            "../README.md",
        ),
    ],
)
def test_what_needs_files_from_outside_is_refused_by_name(tree, tmp_path, files, link, named):
    write(tree, files)
    if link:
        (tree / "core" / "linked").symlink_to(link)
    commit(tree, "Reach out")
    assert named in run(tree, "split", tmp_path / "apart", code=2)
    assert not (tmp_path / "apart").exists()


def test_a_change_made_apart_comes_back_as_it_is_and_splits_into_the_same_commit(tree, apart, tmp_path):
    clone = tmp_path / "clone"
    person = {"GIT_AUTHOR_NAME": "Émilie", "GIT_AUTHOR_DATE": "1700000000 +0530"}
    new = commit(clone, "[a] Mend\n\nBecause:\n  so.", {"src/anemoi_plugin_a/more.py": "X = 1\n"}, **person)
    git(clone, "push", "--quiet")
    assert "1 commits on main that the tree does not have" in run(tree, "split", apart, code=2)
    assert run(tree, "bring", apart / "anemoi-plugin-a.git") == "[a] Mend\n"
    assert git(tree, "log", "-1", "--format=%an %ad", "--date=raw") == "Émilie 1700000000 +0530"
    assert (tree / PLUGIN / "src/anemoi_plugin_a/more.py").read_text() == "X = 1\n"
    run(tree, "split", apart)
    assert git(apart / "anemoi-plugin-a.git", "rev-parse", "main") == new
    assert "all already" in run(tree, "bring", apart / "anemoi-plugin-a.git")


def test_a_change_comes_back_to_a_tree_that_has_moved_on(tree, apart, tmp_path):
    commit(tmp_path / "clone", "Mend", {"src/anemoi_plugin_a/more.py": "X = 1\n"})
    git(tmp_path / "clone", "push", "--quiet")
    commit(tree, "Meanwhile", {f"{PLUGIN}/src/anemoi_plugin_a/other.py": "Y = 2\n"})
    run(tree, "bring", apart / "anemoi-plugin-a.git")
    run(tree, "split", apart)  # the commit on main has another parent now, but its change is there
    assert git(apart / "anemoi-plugin-a.git", "log", "--format=%s", "-2", "main") == "Mend\nMeanwhile"


def test_a_conflict_is_said_and_changes_nothing(tree, apart, tmp_path):
    file = "src/anemoi_plugin_a/__init__.py"
    commit(tmp_path / "clone", "Add", {"new.py": ""})
    commit(tmp_path / "clone", "Change", {file: "name = 'theirs'\n"})
    before = commit(tree, "Change too", {f"{PLUGIN}/{file}": "name = 'ours'\n"})
    said = run(tree, "bring", tmp_path / "clone", code=2)
    assert "Change" in said
    assert f"In {PLUGIN}/{file}." in said
    assert git(tree, "rev-parse", "HEAD") == before
    assert not git(tree, "status", "--porcelain")
    assert not git(tree, "for-each-ref", "refs/split-of", "refs/split")


def test_bad_input_is_one_message(tree, apart, tmp_path):
    assert "no distribution nosuch" in run(tree, "split", apart, "nosuch", code=2)
    assert "git fetch failed" in run(tree, "bring", tmp_path / "nosuch", code=2)
    other = scratch.tree(tmp_path / "other", [])
    write(other, {"pyproject.toml": (tree / PLUGIN / "pyproject.toml").read_text()})
    commit(other, "Another history")
    assert "no commit in common" in run(tree, "bring", other, code=2)
    write(tree, {"README.md": "changed"})
    assert "not committed" in run(tree, "bring", apart / "anemoi-plugin-a.git", code=2)


def test_a_release_is_never_moved(tree, apart):
    commit(tree, "Change", {"core/more.py": ""})
    git(tree, "tag", "--force", "anemoi-core/v0.1.0")
    assert "A release is never changed" in run(tree, "split", apart, code=2)


def test_this_tree_splits(tmp_path):
    names = ["anemoi-core", "anemoi-plugin-testing", "anemoi-plugin-zarr", "anemoi-plugin-training"]
    if git(ROOT, "rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("a clone without history")
    run(ROOT, "split", tmp_path, *names)
    for name in names:
        folder = "core" if name == "anemoi-core" else f"plugins/{name}"
        ours = set(git(ROOT, "ls-tree", "-r", "--name-only", f"HEAD:{folder}").splitlines())
        theirs = set(git(tmp_path / f"{name}.git", "ls-tree", "-r", "--name-only", "main").splitlines())
        assert ours - theirs <= {"src/anemoi_plugin_testing/scaffold/.template"}
    template = git(
        tmp_path / "anemoi-plugin-testing.git",
        "rev-parse",
        "main:src/anemoi_plugin_testing/scaffold/.template",
    )
    assert template == git(ROOT, "rev-parse", "HEAD:cookiecutter-template")
    for name in names[:2]:
        git(tmp_path, "clone", "--quiet", f"{name}.git", name)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            f"./{name}",
        ]
        subprocess.run([*command, "--wheel-dir", "wheels"], cwd=tmp_path, check=True)
    wheels = [path.name.partition("-")[0] for path in sorted((tmp_path / "wheels").iterdir())]
    assert wheels == ["anemoi_core", "anemoi_plugin_testing"]
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_repository.py"]
    done = subprocess.run(command, cwd=tmp_path / names[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
