"""A distribution in a git repository, its own or one that it shares, and what a release changes in it."""

from __future__ import annotations

import datetime
import functools
import io
import re
import subprocess
import tarfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from tomlkit.exceptions import ParseError

from .errors import MetaCIError
from .release import State, fragments, moved, moves

PLACEHOLDER = "What is new is in [changes/](changes/) until it is released."


class Distribution:
    """A folder with a ``pyproject.toml`` in a git repository.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    MetaCIError
        If there is no distribution in it, or it is in no repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        if not self._pyproject.is_file():
            raise MetaCIError(f"There is no distribution in {folder}: no pyproject.toml.")
        self.repository = Path(git(self.folder, "rev-parse", "--show-toplevel")).resolve()
        project = self._document()["project"]
        self.name: str = canonicalize_name(str(project["name"]))

    @property
    def version(self) -> str:
        """In its ``pyproject.toml``."""
        return str(self._document()["project"]["version"])

    @property
    def inside(self) -> str:
        """The folder in its repository."""
        return self.folder.relative_to(self.repository).as_posix()

    def tag(self, version: str) -> str:
        """Its tag of a version: ``v0.2.0``, or ``NAME/v0.2.0`` in a repository of several."""
        return f"v{version}" if self.inside == "." else f"{self.name}/v{version}"

    @property
    def released(self) -> str | None:
        """The newest version with a tag."""
        start = self.tag("")
        found = [
            tag.removeprefix(start) for tag in git(self.repository, "tag", "--list", f"{start}*").split()
        ]
        return max((each for each in found if _is_version(each)), key=Version, default=None)

    def state(self) -> State:
        """What decides about its next release.

        Raises
        ------
        MetaCIError
            If it differs from its release and no fragment says why.
        """
        project, released = self._document()["project"], self.released
        kinds = tuple(kind for kind, _ in fragments(self.folder))
        if released == self.version and not kinds and self._differs(released):
            raise MetaCIError(
                f"{self.name} is not what was released as {released}, and no changelog fragment says why.",
                fix=f"Say what has changed in {self.folder.name}/changes/NAME.KIND.md.",
            )
        extras = [each for extra in project.get("optional-dependencies", {}).values() for each in extra]
        try:
            Version(self.version)
            requires = tuple(Requirement(str(each)) for each in project.get("dependencies", []))
            with_extras = tuple(Requirement(str(each)) for each in extras)
        except (InvalidRequirement, InvalidVersion) as error:
            raise MetaCIError(
                f"{self._pyproject} cannot be released: {error}.", fix="Mend it there."
            ) from None
        return State(self.name, self.version, released, kinds, requires, with_extras)

    def check_clean(self) -> None:
        """Refuse changes that are not committed.

        Raises
        ------
        MetaCIError
            If there are any.
        """
        if changed := git(self.repository, "status", "--porcelain", "--", str(self.folder)):
            file = changed.splitlines()[0].split(maxsplit=1)[1]
            raise MetaCIError(
                f"{self.repository.name} has changes that are not committed, {file} among them.",
                fix="Commit or stash them, and release again.",
            )

    def prepare(self, version: str, others: Mapping[str, str], today: datetime.date) -> bool:
        """Commit what the release of a version changes: version, requirements, changelog.

        Returns
        -------
        Whether there was anything to change.
        """
        self._pyproject.write_text(self._edited(version, others), encoding="utf-8")
        changes = [text for _, text in fragments(self.folder)]
        changelog = self.folder / "CHANGELOG.md"
        before = changelog.read_text(encoding="utf-8") if changelog.is_file() else "# Changelog\n"
        changelog.write_text(section(before, version, changes, today), encoding="utf-8")
        for path in (self.folder / "changes").glob("*.*.md"):
            path.unlink()
        here = ("--", str(self.folder))
        if not git(self.repository, "status", "--porcelain", *here):
            return False
        git(self.repository, "add", "--all", *here)
        git(self.repository, "commit", "--quiet", "--message", f"Release {self.name} {version}", *here)
        return True

    def commit(self) -> str:
        """The last commit that changed it."""
        return git(self.repository, "rev-list", "-1", "HEAD", "--", str(self.folder))

    def export(self, commit: str, target: Path) -> Path:
        """Write the repository's files at a commit; gives back the distribution's folder among them."""
        archive = subprocess.run(
            ["git", "archive", "--format=tar", commit], cwd=self.repository, capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(target, filter="data")
        return target / self.inside

    @functools.cached_property
    def _pyproject(self) -> Path:
        return self.folder / "pyproject.toml"

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            document = tomlkit.parse(self._pyproject.read_text(encoding="utf-8"))
        except ParseError as error:
            raise MetaCIError(f"{self._pyproject} cannot be read: {error}.") from None
        for key in ("name", "version"):
            if key not in document.get("project", {}):
                raise MetaCIError(f"{self._pyproject} has no [project] {key}.", fix="Write it there.")
        return document

    def _edited(self, version: str, others: Mapping[str, str]) -> str:
        document = self._document()
        project = document["project"]
        project["version"] = version
        for listed in (project.get("dependencies", []), *project.get("optional-dependencies", {}).values()):
            for number, each in enumerate(listed):
                requirement = Requirement(str(each))
                if moves(requirement, others):
                    listed[number] = moved(requirement, others[canonicalize_name(requirement.name)])
        return tomlkit.dumps(document)

    def _differs(self, released: str) -> bool:
        """Whether its code or its metadata is not that of a release."""
        tag, start = self.tag(released), "" if self.inside == "." else f"{self.inside}/"
        if git(self.repository, "diff", "--name-only", tag, "HEAD", "--", str(self.folder / "src")):
            return True
        before = tomlkit.parse(git(self.repository, "show", f"{tag}:{start}pyproject.toml"))
        return bool(before["project"] != self._document()["project"])


def section(changelog: str, version: str, changes: Sequence[str], today: datetime.date) -> str:
    """A changelog with the changes of a version; those that it has of the version already stay."""
    bullets = [f"- {textwrap.indent(text, '  ').strip()}" for text in changes]
    heading = re.compile(rf"^## {re.escape(version)}(?P<rest>[ ,(].*)?$", re.MULTILINE)
    found = heading.search(changelog)
    if found and not changes and "unreleased" not in (found["rest"] or ""):
        return changelog
    if found is None:
        first = re.search(r"^## ", changelog, re.MULTILINE)
        start = end = first.start() if first else len(changelog)
        there = ""
    else:
        following = re.compile(r"^## ", re.MULTILINE).search(changelog, found.end())
        start, end = found.start(), following.start() if following else len(changelog)
        there = changelog[found.end() : end].replace(PLACEHOLDER, "").strip("\n")
    body = (
        "\n".join([*bullets, *([there] if there else [])]) or "- Nothing but the versions that it requires."
    )
    before, after = changelog[:start].rstrip("\n"), changelog[end:].lstrip("\n")
    return (
        "\n\n".join(part for part in (before, f"## {version} ({today})", body, after) if part).rstrip("\n")
        + "\n"
    )


def git(directory: Path, *words: str) -> str:
    """What git prints.

    Raises
    ------
    MetaCIError
        If it fails.
    """
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MetaCIError(f"git {words[0]} failed in {directory}: {done.stderr.strip()}")
    return done.stdout.strip()


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
