"""The version of what is built between releases: ``0.2.0+gabc1234``, which no release can have.

It is a local version and no ``0.2.0.dev5``: that would come before 0.2.0, and no plugin that requires
``anemoi-core>=0.2`` would accept it. No package index takes a local version, so it is never mistaken for a
release, and what requires ``==0.2.0`` accepts it.

References
----------
Version specifiers, https://packaging.python.org/en/latest/specifications/version-specifiers/.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.exceptions import ParseError

from .errors import NoWheelError
from .repositories import git
from .wheels import folders, tree_hash


@dataclass(frozen=True)
class History:
    """Where the files of a distribution are in the history of a repository.

    Parameters
    ----------
    repository
        The repository, a clone or a mirror.
    commit
        The commit that the files are of.
    root, tree
        The folder of all its files, and that of the distribution, which may be the same.
    changed
        Whether the files differ from those of the commit.
    """

    repository: Path
    commit: str
    root: Path
    tree: Path
    changed: bool = False

    @functools.cached_property
    def paths(self) -> list[str]:
        """The folders of the repository that the distribution is made of: its own, and what links lead to."""
        own = self.root.resolve()
        inside = [each for each in folders(self.tree) if each.is_relative_to(own)]
        return sorted({each.relative_to(own).as_posix() for each in inside})

    @property
    def last(self) -> str:
        """The last commit that changed one of them."""
        words = ("rev-list", "-1", self.commit, "--", *self.paths)
        return git(*words, directory=self.repository) or self.commit

    def is_release(self, name: str, version: str) -> bool:
        """Whether the version has a tag, and the files have not changed since."""
        tag = f"v{version}" if self.root == self.tree else f"{canonicalize_name(name)}/v{version}"
        words = ("diff", "--name-only", f"refs/tags/{tag}", self.commit, "--", *self.paths)
        try:
            return not self.changed and not git(*words, directory=self.repository)
        except NoWheelError:  # There is no such tag.
            return False


def checked_out(tree: Path) -> History | None:
    """The history of a folder as it is now; None if it is in no repository with a commit."""
    try:
        root = Path(git("rev-parse", "--show-toplevel", directory=tree))
        here = History(root, git("rev-parse", "HEAD", directory=tree), root, tree.resolve())
        changed = git("status", "--porcelain", "--", *here.paths, directory=root)
    except NoWheelError:
        return None
    return History(root, here.commit, root, here.tree, bool(changed))


def label(history: History) -> str:
    """What the version of a distribution gets after ``+``; empty for a release.

    A version that the build backend computes is the backend's own affair.
    """
    declared = _declared(history.tree)
    if declared is None or history.is_release(*declared):
        return ""
    return f"g{history.last[:8]}" + (f".changed.{tree_hash(history.tree)[:8]}" if history.changed else "")


def write_label(project: Path, label: str) -> None:
    """Add a label to the version of the project in a folder, which is a copy."""
    if not label:
        return
    path = project / "pyproject.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    version = str(document["project"]["version"])
    document["project"]["version"] = f"{version}{'.' if '+' in version else '+'}{label}"
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _declared(project: Path) -> tuple[str, str] | None:
    """The name and the version in its ``pyproject.toml``; if that is wrong, the builder says how."""
    try:
        declared = tomlkit.parse((project / "pyproject.toml").read_text(encoding="utf-8")).unwrap()["project"]
        return str(declared["name"]), str(declared["version"])
    except (OSError, ParseError, KeyError, TypeError, UnicodeDecodeError):
        return None
