"""A plugin brought in step with the template it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core.errors import AnemoiError

from ._cruft import cruft, quietly, read, record
from ._git import git, succeeds
from ._renamed import carried
from ._source import Source, ensure, source


def outdated(project: Path) -> bool:
    """Whether the template has changed since a plugin was made or updated.

    Raises
    ------
    AnemoiError
        If an update is still unresolved, or the template cannot be had.
    """
    state = read(project)
    tool, origin = cruft(), _origin(state)
    _refuse_unresolved(project)
    return _outdated(tool, project, origin, state["commit"])


def update(project: Path) -> list[str]:
    """Bring what changed in the template since into a plugin, merged with its own changes.

    Returns
    -------
    list of str
        The files that changed; none if the plugin was in step already.

    Raises
    ------
    AnemoiError
        If the plugin is not in a git repository with everything committed, or the template cannot be had;
        or if changes do not fit, which are then left in the files to be resolved.
    """
    state = read(project)
    if not succeeds("rev-parse", "--is-inside-work-tree", cwd=project):
        raise AnemoiError(
            f"{project} is in no git repository, so an update that does not fit could not be taken back.",
            fix='Make it one: git init && git add . && git commit -m "Begin"',
        )
    _refuse_unresolved(project)
    if changed := _changed(project):
        raise AnemoiError(
            f"There are changes that are not committed: {_words(changed)}.", fix="Commit or stash them."
        )
    tool, origin = cruft(), _origin(state)
    if not _outdated(tool, project, origin, state["commit"]):
        return []
    ensure(
        origin,
        state["commit"],
        recorded=state["template"],
        label=state.get("checkout"),
        kind=_kind(state),
    )
    with quietly() as complaints:
        tool.update(
            project,
            template_path=Path(origin.repository) if origin.kept else None,
            checkout=origin.checkout,
            extra_context=carried(state["context"]["cookiecutter"], origin),
        )
    record(project, origin)
    # cruft reports success whatever git did with the changes, so what git said decides.
    if unfit := _unresolved(project) or re.findall(
        r"^error: (?:patch failed: )?(.+?):", complaints.getvalue(), re.M
    ):
        raise AnemoiError(
            f"What changed in the template does not fit what you changed in {_words(sorted(set(unfit)))}.",
            fix="Everything else is in place. Resolve the conflicts that are marked in these files; where "
            "there is a file .rej, make its changes by hand and remove it; then commit.\n"
            "To take the whole update back instead: git reset --hard && git clean -f '*.rej'",
        )
    return _changed(project)


def _origin(state: Mapping[str, Any]) -> Source:
    return source(state["template"], state.get("checkout"), kind=_kind(state))


def _kind(state: Mapping[str, Any]) -> str | None:
    """The kind of component that a plugin was made for, as it recorded its answers."""
    kind: str | None = state.get("context", {}).get("cookiecutter", {}).get("kind")
    return kind


def _outdated(tool: object, project: Path, origin: Source, commit: str) -> bool:
    if origin.kept:
        return commit != origin.checkout
    with quietly():
        return not tool.check(project, checkout=origin.checkout)  # type: ignore[attr-defined]


def _refuse_unresolved(project: Path) -> None:
    if unresolved := _unresolved(project):
        raise AnemoiError(
            f"An earlier update is unresolved in {_words(unresolved)}.",
            fix="Resolve the conflicts that are marked, make the changes in files .rej by hand, and commit.",
        )


def _unresolved(project: Path) -> list[str]:
    """The files with conflicts: those that git knows of, with markers in them, or with changes left aside."""
    if not succeeds("rev-parse", "--is-inside-work-tree", cwd=project):
        return []
    unmerged = git("diff", "--name-only", "--relative", "--diff-filter=U", cwd=project).splitlines()
    aside = [str(path.relative_to(project)) for path in project.rglob("*.rej")]
    marked: list[str] = []
    if succeeds("grep", "-qIE", "^(<<<<<<<|>>>>>>>) ", "--", ".", cwd=project):
        marked = git("grep", "-lIE", "^(<<<<<<<|>>>>>>>) ", "--", ".", cwd=project).splitlines()
    return sorted({*unmerged, *aside, *marked})


def _changed(project: Path) -> list[str]:
    # The whole repository, since cruft asks for all of it to be clean.
    return [line[3:] for line in git("status", "--porcelain", cwd=project).splitlines()]


def _words(files: list[str], most: int = 10) -> str:
    rest = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(files[:most]) + rest
