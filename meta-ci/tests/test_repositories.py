"""Git repositories that move, are unreachable, or lack the ref."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from anemoi_meta_ci.errors import AbsentError, NoWheelError
from anemoi_meta_ci.repositories import Repositories


class Remote:
    """A repository that is reached by its address."""

    def __init__(self, folder):
        self.folder, self.url = folder, folder.as_uri()
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.first = self.commit("one")

    def git(self, *words):
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        return subprocess.run(
            ["git", *who, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, text):
        (self.folder / "file").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path):
    return Remote(tmp_path / "remote")


def now(tmp_path):
    """The repositories as a new plan sees them."""
    return Repositories(tmp_path, tmp_path / "work")


def test_a_branch_that_moved_is_another_commit_at_the_next_plan_and_not_within_one(tmp_path, remote):
    plan = now(tmp_path)
    tree = plan.tree(remote.url, "main")
    second = remote.commit("two")
    assert plan.commit(remote.url, "main") == remote.first
    assert (plan.tree(remote.url, "main") / "file").read_text() == "one"
    assert now(tmp_path).commit(remote.url, "main") == second
    assert (now(tmp_path).tree(remote.url, "main") / "file").read_text() == "two"
    assert (tree / "file").read_text() == "one"


def test_a_branch_that_was_rewritten_is_what_it_is_now(tmp_path, remote):
    remote.commit("two")
    now(tmp_path).commit(remote.url, "main")
    remote.git("reset", "--quiet", "--hard", remote.first)
    other = remote.commit("another two")
    assert now(tmp_path).commit(remote.url, "main") == other


def test_other_branches_tags_and_short_commits_are_fetched_too(tmp_path, remote):
    remote.git("checkout", "--quiet", "-b", "side")
    side = remote.commit("side")
    remote.git("tag", "-a", "v1", "-m", "one")
    remote.git("checkout", "--quiet", "main")
    plan = now(tmp_path)
    assert plan.commit(remote.url, "side") == plan.commit(remote.url, "v1") == side
    assert plan.commit(remote.url, side[:8]) == side
    assert plan.commit(remote.url, "main") == remote.first


def test_a_commit_that_is_here_needs_no_network(tmp_path, remote):
    now(tmp_path).commit(remote.url, "main")
    shutil.rmtree(remote.folder)
    assert now(tmp_path).commit(remote.url, remote.first) == remote.first
    with pytest.raises(NoWheelError, match="cannot be fetched"):
        now(tmp_path).commit(remote.url, "main")


def test_a_ref_that_is_not_there(tmp_path, remote):
    with pytest.raises(AbsentError, match="has no branch, tag or commit 'v9'"):
        now(tmp_path).commit(remote.url, "v9")


@pytest.mark.parametrize("url", ["file:///nowhere/at/all", "http://me:secret@127.0.0.1:9/a.git"])
def test_a_repository_that_cannot_be_reached_is_named_without_its_password(tmp_path, url):
    with pytest.raises(NoWheelError, match="cannot be fetched: fatal:") as raised:
        now(tmp_path).commit(url, "main")
    assert not isinstance(raised.value, AbsentError)
    assert "secret" not in str(raised.value)
    assert list((tmp_path / "work/mirrors").iterdir()) == []


def test_a_link_out_of_the_repository_is_said_to_be_one(tmp_path, remote):
    (remote.folder / "link").symlink_to("../../elsewhere")
    remote.commit("two")
    with pytest.raises(NoWheelError, match="leads out of the repository"):
        now(tmp_path).tree(remote.url, "main")


def test_commits_between_are_those_of_the_mirror_oldest_first(tmp_path, remote):
    later = [remote.commit(text) for text in ("two", "three")]
    assert now(tmp_path).between(remote.url, remote.first, "main") == later
