"""Split this tree into one git repository for each distribution, and bring changes made there back.

    python tools/split_repositories.py split FOLDER [DISTRIBUTION...]
    python tools/split_repositories.py bring REPOSITORY [--branch BRANCH]

``split`` writes a bare repository ``FOLDER/NAME.git`` for core, meta-ci and each plugin: its history on ``main``,
its workflows where GitHub looks for them, and its releases as tags ``vX``, from the tree's tags ``NAME/vX`` and
the older lines of ``compat-matrix.yaml``. Run again, it adds what is new, and never drops a commit that the tree
does not have. ``bring`` commits to the tree what a split repository has on a branch, with author, committer and
message kept; nothing is changed if any of it conflicts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from subtrees import SplitError, git, git_bytes, kinds, links, split

FOLDERS = ("core/pyproject.toml", "meta-ci/pyproject.toml", "plugins/*/pyproject.toml")
MAIN = "refs/heads/main"


@dataclass(frozen=True)
class Distribution:
    """A distribution of the tree.

    Parameters
    ----------
    name
        Its name.
    prefix
        Its folder in the tree.
    """

    name: str
    prefix: str


def distributions(tree: Path, names: Sequence[str] = ()) -> list[Distribution]:
    """The distributions of the tree's last commit, or those of them that are named.

    Raises
    ------
    SplitError
        If there is none of a name.
    """
    files = git(tree, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    found = {}
    for file in files:
        if any(Path(file).match(pattern) and file.count("/") == pattern.count("/") for pattern in FOLDERS):
            name = _project(tree, "HEAD", file.rpartition("/")[0])["name"]
            found[name] = Distribution(name, file.rpartition("/")[0])
    if unknown := [name for name in names if name not in found]:
        raise SplitError(f"There is no distribution {unknown[0]}; there are {', '.join(sorted(found))}.")
    return [found[name] for name in names or sorted(found)]


def tags(tree: Path, distribution: Distribution) -> dict[str, str]:
    """Each release of a distribution, ``vX``, with the tree's commit that it was made of."""
    found = {}
    for line in _older_lines(tree, distribution.name):
        if kinds(tree, [f"{line}:{distribution.prefix}/pyproject.toml"])[0]:
            version = _project(tree, line, distribution.prefix)["version"]
            found.setdefault(f"v{version}", line)  # a later line with the same version is of no release
    start = f"{distribution.name}/"
    for tag in git(tree, "tag", "--list", f"{start}v*").splitlines():
        found[tag.removeprefix(start)] = git(tree, "rev-parse", f"{tag}^{{commit}}")
    return found


def check(tree: Path, distribution: Distribution) -> None:
    """Refuse a distribution that needs files from outside its folder.

    Raises
    ------
    SplitError
        If it has a link that leads nowhere, or its ``pyproject.toml`` names a path outside.
    """
    links(tree, "HEAD", distribution.prefix)
    document = tomllib.loads(git(tree, "show", f"HEAD:{distribution.prefix}/pyproject.toml"))
    for value in _strings(document):
        if value.startswith("../") or "/../" in value:
            raise SplitError(
                f"{distribution.prefix}/pyproject.toml names {value}, which is outside {distribution.prefix}: "
                "a repository of it alone could not be built. Put the file into it."
            )


def split_all(tree: Path, folder: Path, chosen: Sequence[Distribution]) -> Iterator[str]:
    """Write the repositories; yields a line for each."""
    for distribution in chosen:
        check(tree, distribution)
    with tempfile.TemporaryDirectory() as temporary:
        git(tree, "clone", "--quiet", "--bare", "--shared", ".", f"{temporary}/tree.git")
        clone = Path(temporary, "tree.git")
        head = git(tree, "rev-parse", "HEAD")
        for distribution in chosen:
            start = f"refs/split-of/{distribution.name}"
            releases = tags(tree, distribution)
            tips = {f"{start}/tags/{tag}": commit for tag, commit in releases.items()}
            split(clone, distribution.prefix, {f"{start}/main": head, **tips})
            target = folder / f"{distribution.name}.git"
            _take(clone, start, target, distribution)
            count = git(target, "rev-list", "--count", MAIN)
            yield f"{target}: {count} commits, {', '.join(releases) or 'no release'}"


def _take(clone: Path, start: str, target: Path, distribution: Distribution) -> None:
    """Fetch what was split into its repository, which may have it in part."""
    if not target.exists():
        target.mkdir(parents=True)
        git(target, "init", "--quiet", "--bare", "--initial-branch=main")
    git(target, "fetch", "--quiet", "--no-tags", str(clone), f"+{start}/main:refs/split/main")
    if git(target, "for-each-ref", MAIN):
        own = git(target, "cherry", "refs/split/main", MAIN).splitlines()
        if new := [line.removeprefix("+ ") for line in own if line.startswith("+ ")]:
            raise SplitError(
                f"{target} has {len(new)} commits on main that the tree does not have, {new[0][:10]} the first.\n"
                f"Bring them back first: python tools/split_repositories.py bring {target}"
            )
    for line in git(clone, "for-each-ref", "--format=%(refname)", f"{start}/tags").splitlines():
        tag, commit = line.rpartition("/")[2], git(clone, "rev-parse", line)
        there = git(target, "for-each-ref", "--format=%(objectname)", f"refs/tags/{tag}")
        if there and git(target, "rev-parse", f"{tag}^{{commit}}") != commit:
            raise SplitError(
                f"The tag {tag} of {target} is another commit than in the tree, which makes it {commit[:10]}.\n"
                f"A release is never changed: give {distribution.name} a new version."
            )
        if not there:
            git(target, "fetch", "--quiet", "--no-tags", str(clone), f"{line}:refs/tags/{tag}")
    git(target, "update-ref", MAIN, "refs/split/main")
    git(target, "update-ref", "-d", "refs/split/main")


def bring(tree: Path, repository: str, branch: str) -> list[str]:
    """Commit to the tree what a split repository has on a branch and the tree does not have.

    Returns
    -------
    The subjects of the commits.

    Raises
    ------
    SplitError
        If the tree has changes that are not committed, the repository is of no distribution of the tree, or
        a commit conflicts; the tree is left as it was.
    """
    if git(tree, "status", "--porcelain", "--untracked-files=no"):
        raise SplitError("The tree has changes that are not committed. Commit or stash them first.")
    head, incoming = git(tree, "rev-parse", "HEAD"), "refs/split-of/incoming"
    git(tree, "fetch", "--quiet", "--no-tags", repository, f"+refs/heads/{branch}:{incoming}/theirs")
    try:
        name = tomllib.loads(git(tree, "show", f"{incoming}/theirs:pyproject.toml"))["project"]["name"]
        (distribution,) = distributions(tree, [name])
        split(tree, distribution.prefix, {f"{incoming}/ours": "HEAD"})
        words = ("--reverse", "--first-parent", "--cherry-pick", "--right-only")
        commits = git(tree, "rev-list", *words, f"{incoming}/ours...{incoming}/theirs").split()
        if commits and not git(tree, "log", "-1", "--format=%P", commits[0]):
            raise SplitError(f"{repository} has no commit in common with {distribution.prefix} of the tree.")
        places = links(tree, "HEAD", distribution.prefix)
        for commit in commits:
            _bring_one(tree, distribution, places, commit)
    except BaseException:
        git(tree, "reset", "--quiet", "--hard", head)
        raise
    finally:
        for ref in git(tree, "for-each-ref", "--format=%(refname)", incoming, "refs/split").splitlines():
            git(tree, "update-ref", "-d", ref)
    return [git(tree, "log", "-1", "--format=%s", commit) for commit in commits]


def _bring_one(tree: Path, distribution: Distribution, places: Mapping[str, str], commit: str) -> None:
    """Commit to the tree what one commit of a split repository changes."""
    changes = ("diff", "--binary", "--full-index", f"{commit}^", commit)
    apart = [f":(exclude){path}" for path in places]
    patches = {distribution.prefix: git_bytes(tree, *changes, "--", ".", *apart)}
    for path, target in places.items():
        patches[target] = git_bytes(tree, *changes, f"--relative={path}")
    for prefix, patch in patches.items():
        if not patch:
            continue
        try:
            git(tree, "apply", "--index", "--3way", f"--directory={prefix}", stdin=patch)
        except SplitError as error:
            files = git(tree, "diff", "--name-only", "--diff-filter=U").split() or [str(error)]
            subject = git(tree, "log", "-1", "--format=%h %s", commit)
            raise SplitError(
                f"This commit of {distribution.name} conflicts with the tree: {subject}\n"
                f"In {', '.join(files)}. Nothing was changed: rebase the branch there on main as split last."
            ) from None
    words = ("log", "-1", "--format=%an%n%ae%n%ad%n%cn%n%ce%n%cd", "--date=raw", commit)
    people = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")]
    env = {**os.environ, **dict(zip(people, git(tree, *words).splitlines(), strict=True))}
    message = git_bytes(tree, "cat-file", "commit", commit).partition(b"\n\n")[2]
    contents = git(tree, "write-tree")
    new = git(tree, "commit-tree", contents, "-p", "HEAD", stdin=message, env=env)
    git(tree, "reset", "--quiet", "--soft", new)


def _older_lines(tree: Path, name: str) -> list[str]:
    """The tree's commits of older lines of core, oldest first, if they are of a distribution too."""
    path = tree / "compat-matrix.yaml"
    matrix = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if name != "anemoi-core" and name not in matrix.get("plugins", {}):
        return []
    cores = [line["core"] for line in matrix.get("lines", {}).values()]
    return [str(core["ref"]) for core in reversed(cores) if core.get("git") == "."]


def _project(tree: Path, commit: str, prefix: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(git(tree, "show", f"{commit}:{prefix}/pyproject.toml"))["project"]
    return project


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; a mistake is one message and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    splitting = commands.add_parser("split", help="write one repository for each distribution")
    splitting.add_argument("folder", type=Path)
    splitting.add_argument("names", nargs="*", metavar="DISTRIBUTION")
    bringing = commands.add_parser("bring", help="commit to the tree what a split repository has")
    bringing.add_argument("repository")
    bringing.add_argument("--branch", default="main")
    given = parser.parse_args(words)
    try:
        tree = Path(git(Path.cwd(), "rev-parse", "--show-toplevel"))
        if given.command == "split":
            for line in split_all(tree, given.folder.resolve(), distributions(tree, given.names)):
                print(line, flush=True)
        else:
            brought = bring(tree, given.repository, given.branch)
            print("\n".join(brought) or "The tree has it all already.")
    except SplitError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
