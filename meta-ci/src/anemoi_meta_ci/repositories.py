"""Git repositories, ours and remote: which commit a ref is now, and its files."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
import tempfile
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .errors import AbsentError, NoWheelError
from .said import cause

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_TIMEOUT = 300
"""Seconds that a remote repository may take."""


class Repositories:
    """Repositories as they are now: each remote one is fetched once, at the first question about it.

    Every ref is resolved to a commit, and files are kept by commit, so a branch that moves while a run
    goes on does not change what the run proves.

    Parameters
    ----------
    root
        The folder of the matrix; a repository that is a folder is relative to it.
    folder
        Where mirrors of remote repositories and unpacked commits are kept.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self._commits: dict[tuple[str, str], str] = {}
        self._failed: dict[str, NoWheelError] = {}
        self._fetched: set[str] = set()
        self._asking: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def commit(self, repository: str, ref: str) -> str:
        """The commit that a branch, tag or commit of a repository is now.

        Raises
        ------
        AbsentError
            If the repository has no such ref.
        NoWheelError
            If it cannot be read.
        """
        with self._asking[repository]:
            key = (repository, ref)
            if key not in self._commits:
                self._commits[key] = self._resolve(repository, ref)
            return self._commits[key]

    def tree(self, repository: str, ref: str) -> Path:
        """A folder with the files of a ref; see :meth:`commit` for errors."""
        commit = self.commit(repository, ref)
        folder = self.folder / "sources" / _name(f"{repository} {commit}")
        with self._asking[repository]:  # One commit has many distributions.
            if not folder.exists():
                self._unpack(self.here(repository), commit, folder)
        return folder

    def between(self, repository: str, good: str, bad: str) -> Sequence[str]:
        """The commits after ``good`` up to ``bad``, oldest first; see :meth:`commit` for errors."""
        ends = f"{self.commit(repository, good)}..{self.commit(repository, bad)}"
        words = ("rev-list", "--reverse", "--first-parent", ends)
        return git(*words, directory=self.here(repository)).split()

    def _resolve(self, repository: str, ref: str) -> str:
        here = self.here(repository)
        if here != self.root / repository:
            pinned = _COMMIT.fullmatch(ref) is not None and here.exists()
            if pinned and (found := _commit(here, ref)):  # It cannot move: no need to ask.
                return found
            self._fetch(repository, here)
        elif _commit(here, "HEAD") is None:
            raise NoWheelError(f"{repository} is no git repository with a commit")
        if (found := _commit(here, ref)) is None:
            raise AbsentError(f"{_public(repository)} has no branch, tag or commit {ref!r}")
        return found

    def here(self, repository: str) -> Path:
        """The repository itself if it is a folder, else its mirror."""
        local = self.root / repository
        return local if local.is_dir() else self.folder / "mirrors" / f"{_name(repository)}.git"

    def _fetch(self, repository: str, mirror: Path) -> None:
        if repository in self._failed:
            raise self._failed[repository]
        if repository in self._fetched:
            return
        try:
            if mirror.exists():
                git("remote", "update", "--prune", directory=mirror)
            else:
                mirror.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=mirror.parent) as temporary:
                    clone = Path(temporary) / "clone"
                    git("clone", "--quiet", "--mirror", "--", repository, str(clone))
                    clone.rename(mirror)
        except NoWheelError as error:
            said = str(error).replace(repository, _public(repository))
            self._failed[repository] = NoWheelError(f"{_public(repository)} cannot be fetched: {said}")
            raise self._failed[repository] from None
        self._fetched.add(repository)

    def _unpack(self, repository: Path, commit: str, folder: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            archive, tree = Path(temporary) / "tree.tar", Path(temporary) / "tree"
            git("archive", "--format=tar", "--output", str(archive), commit, directory=repository)
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(tree, filter="data")
            except tarfile.FilterError as error:
                raise NoWheelError(f"a file of {commit[:12]} leads out of the repository: {error}") from None
            folder.parent.mkdir(parents=True, exist_ok=True)
            tree.rename(folder)


def git(*words: str, directory: Path | None = None) -> str:
    """What git prints.

    Raises
    ------
    NoWheelError
        If it fails or takes too long; it never asks for a password.
    """
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise NoWheelError(f"git {words[0]} took longer than {_TIMEOUT} s") from None
    if done.returncode:
        fatal = [line for line in done.stderr.splitlines() if line.startswith(("fatal:", "error:"))]
        raise NoWheelError(fatal[0] if fatal else cause(done.stderr), done.stderr)
    return done.stdout.strip()


def _commit(repository: Path, ref: str) -> str | None:
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        return git(*words, directory=repository)
    except NoWheelError:
        return None


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _public(repository: str) -> str:
    """The address without the password that may be in it."""
    return re.sub(r"//[^/@]+@", "//", repository)
