"""The history of one folder of this repository, as a repository of its own would have it.

Each commit that changes the folder becomes a commit with the folder's contents at the root, and keeps its
author, committer, dates and message. The same history gives the same commits, so what was split before stays
as it was. ``git subtree split`` and ``git filter-repo`` do the same, but take 5 s of CPU for each distribution
here and leave a symbolic link out of the folder dangling; this takes a tenth of that and puts the linked folder
in the place of the link, commit by commit.
"""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LINK, SUBMODULE = "120000", "160000"


class SplitError(Exception):
    """A mistake in the tree or in a repository, with what to do about it."""


@dataclass(frozen=True)
class Contents:
    """What the new repository holds at one commit.

    Parameters
    ----------
    tree
        The object of the folder.
    linked
        The objects that take the place of links out of the folder: path, mode and object.
    """

    tree: str
    linked: tuple[tuple[str, str, str], ...] = ()


def git(
    repository: Path, *words: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> str:
    """What git prints.

    Raises
    ------
    SplitError
        If it fails.
    """
    return git_bytes(repository, *words, stdin=stdin, env=env).decode("utf-8", "surrogateescape").strip()


def git_bytes(
    repository: Path, *words: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> bytes:
    """What git prints, byte for byte."""
    done = subprocess.run(
        ["git", *words], cwd=repository, input=stdin, env=env, capture_output=True, check=False
    )
    if done.returncode:
        raise SplitError(
            f"git {words[0]} failed in {repository}: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout


def links(repository: Path, commit: str, prefix: str) -> dict[str, str]:
    """The symbolic links out of a folder, as paths in it, each with the path in the tree that it means.

    Raises
    ------
    SplitError
        If one leads nowhere in the tree, or the folder holds a submodule.
    """
    found = {}
    for line in git(repository, "ls-tree", "-r", "-z", f"{commit}:{prefix}").split("\0"):
        if not line:
            continue
        (mode, _, identity), path = line.split("\t")[0].split(), line.split("\t", 1)[1]
        if mode == SUBMODULE:
            raise SplitError(f"{prefix}/{path} is a submodule, which a split repository would lose.")
        if mode == LINK:
            target = resolve(prefix, path, git(repository, "cat-file", "blob", identity))
            if target == prefix or target.startswith(f"{prefix}/"):
                continue
            if target.startswith(("../", "/")) or not kinds(repository, [f"{commit}:{target}"])[0]:
                raise SplitError(
                    f"{prefix}/{path} is a symbolic link to {target}, which the tree does not have: "
                    f"a repository of {prefix} alone could not be built. Put the file into {prefix}."
                )
            found[path] = target
    return found


def resolve(prefix: str, path: str, target: str) -> str:
    """The path in the tree that a link means."""
    return posixpath.normpath(posixpath.join(prefix, posixpath.dirname(path), target))


def kinds(repository: Path, names: Sequence[str]) -> list[tuple[str, str] | None]:
    """The object and its kind of each name such as ``COMMIT:PATH``; None for one that there is not."""
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    printed = git(repository, "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
    return [None if line.endswith(" missing") else tuple(line.split()) for line in printed.splitlines()]  # type: ignore[misc]


def split(repository: Path, prefix: str, tips: Mapping[str, str]) -> None:
    """Write the history of a folder into the same repository.

    Parameters
    ----------
    repository
        Holds the tree's history; best a clone, since refs are written.
    prefix
        The folder.
    tips
        Each ref to write, with the commit of the tree that it comes from.
    """
    once_links = _links_of_all_times(repository, prefix, tips.values())
    paths = [prefix, *sorted(set(once_links.values()))]
    wanted = {ref: git(repository, "rev-list", "-1", commit, "--", *paths) for ref, commit in tips.items()}
    listed = git(
        repository, "rev-list", "--topo-order", "--reverse", "--parents", *tips.values(), "--", *paths
    )
    history = [line.split() for line in listed.splitlines()]
    contents = _contents(repository, prefix, [commit for commit, *_ in history], once_links)
    marks: dict[str, tuple[int, ...]] = {}
    stream = b"".join(_stream(repository, history, contents, marks))
    ends = "".join(f"reset {ref}\nfrom :{marks[commit][0]}\n\n" for ref, commit in wanted.items())
    git(repository, "fast-import", "--quiet", "--force", "--date-format=raw", stdin=stream + ends.encode())


def _links_of_all_times(repository: Path, prefix: str, tips: Iterable[str]) -> dict[str, str]:
    """Each path in the folder that was a link out of it at any time, with the path of the tree it meant."""
    words = ("--format=", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AMT", "-m")
    found = {}
    for line in git(repository, "log", *words, *tips, "--", prefix).splitlines():
        _, mode, _, identity, _, path = line.split(maxsplit=5)
        if mode == LINK:
            inside = path.removeprefix(f"{prefix}/")
            target = resolve(prefix, inside, git(repository, "cat-file", "blob", identity))
            if not target.startswith(("../", "/", f"{prefix}/")):
                found[inside] = target
    return found


def _contents(
    repository: Path, prefix: str, commits: Sequence[str], once_links: Mapping[str, str]
) -> dict[str, Contents]:
    """What the folder holds at each commit at which there is one."""
    trees = kinds(repository, [f"{commit}:{prefix}" for commit in commits])
    linked: dict[str, list[tuple[str, str, str]]] = {commit: [] for commit in commits}
    for path, target in once_links.items():
        there = kinds(repository, [f"{commit}:{prefix}/{path}" for commit in commits])
        meant = kinds(repository, [f"{commit}:{target}" for commit in commits])
        for commit, link, end in zip(commits, there, meant, strict=True):
            if link and link[1] == "blob" and end:
                mode = "040000" if end[1] == "tree" else "100644"
                linked[commit].append((path, mode, end[0]))
    return {
        commit: Contents(tree[0], tuple(linked[commit]))
        for commit, tree in zip(commits, trees, strict=True)
        if tree
    }


def _stream(
    repository: Path,
    history: Sequence[Sequence[str]],
    contents: Mapping[str, Contents],
    marks: dict[str, tuple[int, ...]],
) -> Iterator[bytes]:
    """What ``git fast-import`` reads; ``marks`` becomes the new commits that stand for each old one."""
    written: dict[int, Contents] = {}
    for (commit, *parents), raw in zip(
        history, _objects(repository, [each[0] for each in history]), strict=True
    ):
        before = tuple(dict.fromkeys(mark for parent in parents for mark in marks.get(parent, ())))
        if commit not in contents or (len(before) == 1 and written[before[0]] == contents[commit]):
            marks[commit] = before
            continue
        mark = len(written) + 1
        written[mark], marks[commit] = contents[commit], (mark,)
        head, _, message = raw.partition(b"\n\n")
        kept = [
            line for line in head.split(b"\n") if line.startswith((b"author ", b"committer ", b"encoding "))
        ]
        yield b"reset refs/split\n\ncommit refs/split\nmark :%d\n%s\n" % (mark, b"\n".join(kept))
        yield b"data %d\n%s\n" % (len(message), message)
        yield b"".join(b"%s :%d\n" % (b"merge" if i else b"from", each) for i, each in enumerate(before))
        yield b'M 040000 %s ""\n' % contents[commit].tree.encode()
        for path, mode, identity in contents[commit].linked:
            yield f"M {mode} {identity} {path}\n".encode("utf-8", "surrogateescape")


def _objects(repository: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The contents of objects."""
    printed = git_bytes(
        repository, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode()
    )
    start = 0
    while start < len(printed):
        end = printed.index(b"\n", start)
        size = int(printed[start:end].split()[2])
        yield printed[end + 1 : end + 1 + size]
        start = end + 1 + size + 1
