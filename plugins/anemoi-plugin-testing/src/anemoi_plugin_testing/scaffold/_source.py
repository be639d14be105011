"""Where the template comes from, as a git repository that cruft can work with.

cruft compares two commits of a repository. The template of this distribution is no repository, and neither
is a plain directory, so its files are kept as a commit of one in the user's cache. Such a commit has no
parents and always the same author and date: its hash says which files there are, and nothing else.
So a plugin is out of date when the template changed, and not when something beside it did, and two
machines agree on it without ever having heard of each other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from anemoi.core.errors import AnemoiError

from ._git import git, succeeds
from ._kind_files import with_kind

PACKAGED = "anemoi-plugin-testing"
"""What a plugin says it was made from when that is the template of this distribution."""

_PLACES = {
    PACKAGED: "anemoi_plugin_testing/scaffold/.template/",
    "anemoi-core": "anemoi/core/scaffold/template/",  # until 0.1
}
"""The distributions that the template has come with, and where it is in their wheels."""

TEMPLATE = Path(__file__).with_name(".template")  # hidden from tools that take its files for our code
_ALWAYS = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Anemoi"), ("EMAIL", "<>"), ("DATE", "2000-01-01T00:00:00Z"))
}
_PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""Nothing that the user configured may change what is kept."""


@dataclass(frozen=True)
class Source:
    """A template as cruft takes it.

    Parameters
    ----------
    template
        What a plugin records: ``anemoi-plugin-testing``, a directory, or the address of a repository.
    repository
        What is cloned.
    checkout
        The branch, tag or commit to take; None is the repository's own choice.
    label
        What a plugin records beside ``template``: a branch, or the version of the distribution.
    """

    template: str
    repository: str
    checkout: str | None
    label: str | None

    @property
    def kept(self) -> bool:
        """Whether it is no repository of its own, but kept in the cache."""
        return self.repository != self.template


def source(template: str | None, checkout: str | None = None, *, kind: str | None = None) -> Source:
    """The template that ``template`` names; None is the one that comes with this distribution.

    Where it has no files for ``kind``, those of the kind's own scaffold are put beside its others; but a git
    repository is taken as it is.

    Raises
    ------
    AnemoiError
        If it is no template, or there is nothing to make a component of that kind from.
    """
    if template is None or template in _PLACES:
        return Source(PACKAGED, str(_cache()), _keep(TEMPLATE, kind), version(PACKAGED))
    directory = Path(template).expanduser()
    if not directory.exists() or (directory / ".git").exists() or (directory / "HEAD").is_file():
        where = str(directory.absolute()) if directory.exists() else template
        return Source(where, where, checkout, checkout)
    if not (directory / "cookiecutter.json").is_file():
        raise AnemoiError(
            f"{template} is no template: it has no cookiecutter.json.",
            fix="Name a directory that has one, or a git repository; or leave --template out.",
        )
    return Source(str(directory.absolute()), str(_cache()), _keep(directory, kind), None)


def kinds_of_template() -> tuple[str, ...]:
    """The kinds that the template has files for, in the order in which it offers them."""
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return tuple(settings["kind"])


def ensure(origin: Source, commit: str, *, recorded: str, label: str | None, kind: str | None = None) -> None:
    """Make sure that an earlier state of a template is in the cache.

    One that came with another version of a distribution is fetched with that version, from wherever pip
    fetches.

    Parameters
    ----------
    origin
        The template as it is now.
    commit, recorded, label
        What the plugin recorded: the state it was made from, the template, and its version.
    kind
        Of the component that the plugin was made for.

    Raises
    ------
    AnemoiError
        If it cannot be had.
    """
    if not origin.kept or _has(commit):
        return
    if recorded in _PLACES and label is not None:
        _fetch(recorded, label, kind)
        if _has(commit):
            return
    raise AnemoiError(
        f"The template that this plugin was made from ({recorded} {label or ''}, {commit[:12]}) "
        "is not here, so what changed since is not known.",
        fix="Update where the plugin was made; or where pip can reach "
        f"{recorded} {label or 'of that time'}; or make the plugin anew beside it and compare.",
    )


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "anemoi" / "template.git"


def _keep(directory: Path, kind: str | None) -> str:
    """Keep the files of a template in the cache, and return the commit that they are."""
    cache = _cache()
    if not (cache / "HEAD").is_file():
        git("init", "--quiet", "--bare", cache, environment=_PLAIN)
    with tempfile.TemporaryDirectory(prefix="anemoi-template-") as folder:
        directory = with_kind(directory, kind, Path(folder) / "template")
        place = {
            "GIT_DIR": str(cache),
            "GIT_WORK_TREE": str(directory.resolve()),
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
        }
        environment = {**_PLAIN, **_ALWAYS, **place}
        plain = ("-c", "core.autocrlf=false", "-c", "core.fileMode=false", "-c", "core.bare=false")
        # pip compiles what it installs, and a plugin's .gitignore is a file like any other here.
        beside = (":(exclude,glob)**/__pycache__/**", ":(exclude).git")
        git(
            *plain,
            "add",
            "--force",
            "--all",
            "--",
            ".",
            *beside,
            cwd=directory.resolve(),
            environment=environment,
        )
        tree = git("write-tree", environment=environment).strip()
        commit = git("commit-tree", tree, "-m", "The template", environment=environment).strip()
        git("update-ref", f"refs/heads/{commit}", commit, environment=environment)
        git("symbolic-ref", "HEAD", f"refs/heads/{commit}", environment=environment)
    return commit


def _has(commit: str) -> bool:
    return succeeds("cat-file", "-e", f"{commit}^{{commit}}", cwd=_cache())


def _fetch(distribution: str, release: str, kind: str | None) -> None:
    """Keep the template that came with another version of a distribution, if pip can get it."""
    with tempfile.TemporaryDirectory(prefix="anemoi-wheel-") as folder:
        words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words, f"{distribution}=={release}"],
            capture_output=True,
            check=False,
        )
        inside = _PLACES[distribution]
        for wheel in Path(folder).glob("*.whl") if done.returncode == 0 else ():
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.startswith(inside)]
                archive.extractall(folder, names)
            if names:
                _keep(Path(folder) / inside, kind)
