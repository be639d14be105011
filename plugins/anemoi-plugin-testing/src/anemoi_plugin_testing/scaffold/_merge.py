"""What a new component adds to the files that a plugin has already; all else in them stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import group, normalise
from packaging.requirements import Requirement

END = "# What follows is the same in every plugin"
"""What pyproject.toml has above the part that is the template's."""


@dataclass(frozen=True)
class Project:
    """A pyproject.toml, of which everything that nobody touches stays as it is written.

    Parameters
    ----------
    path
        Where it is.
    text
        What it says.
    """

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Project:
        """Read one.

        Raises
        ------
        AnemoiError
            If it is not there, is no TOML, or has no name or a requirement that is none.
        """
        try:
            project = cls(path, path.read_text(encoding="utf-8"))
            _ = project.name, [Requirement(text) for text in project._requirements]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnemoiError(f"{path} cannot be read: {error}.", fix="Restore it from git.") from error
        return project

    @property
    def name(self) -> str:
        """The distribution."""
        return normalise(str(self._project["name"]))

    def configs(self, package: str) -> str | None:
        """The entry point through which the configuration of a package is found, if there is one."""
        offered = self._entry_points.get(group("config"), {})
        return next((str(name) for name, value in offered.items() if value == f"{package}.conf"), None)

    def refuse(self, kind: str, name: str) -> None:
        """Raise an error if a component is offered already."""
        if kind != "config" and name in map(normalise, self._entry_points.get(group(kind), {})):
            raise AnemoiError(
                f"{self.name} offers a {kind} {name!r} already.", fix="Choose another name for the new one."
            )

    def joined(self, made: str) -> str:
        """The text with the entry points and requirements that ``made`` has and it lacks."""
        # Only what is above the template's own part is touched, so that new tables come to lie there.
        own, mark, rest = self.text.partition(END)
        document = tomlkit.parse(own)
        other = tomlkit.parse(made).unwrap()["project"]
        project: Any = document["project"]
        _require(project.setdefault("dependencies", tomlkit.array()), other["dependencies"])
        extras = project.setdefault("optional-dependencies", tomlkit.table())
        _require(extras.setdefault("test", tomlkit.array()), other["optional-dependencies"]["test"])
        text = tomlkit.dumps(document)
        for name, entries in other["entry-points"].items():
            there = self._entry_points.get(name, {})
            new = {key: value for key, value in entries.items() if key not in there}
            if not new or (name == group("config") and set(entries.values()) & set(there.values())):
                continue
            text = _offered(text, name, new)
        return text + mark + rest

    @property
    def _project(self) -> dict[str, Any]:
        found: dict[str, Any] = tomlkit.parse(self.text).unwrap()["project"]
        return found

    @property
    def _requirements(self) -> list[str]:
        tests: list[str] = self._project.get("optional-dependencies", {}).get("test", [])
        return [*self._project.get("dependencies", []), *tests]

    @property
    def _entry_points(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = self._project.get("entry-points", {})
        return found


def _offered(text: str, group: str, entries: dict[str, str]) -> str:
    """Entry points written at the end of their table, or of the text where they have none."""
    lines = "".join(f'{_key(name)} = "{value}"\n' for name, value in entries.items())
    header = re.search(rf'^\[project\.entry-points\."?{re.escape(group)}"?\]\s*\n', text, re.MULTILINE)
    if header is None:
        return f'{text.rstrip()}\n\n[project.entry-points."{group}"]\n{lines}\n'
    following = re.search(r"^\s*(\[|#|\Z)", text[header.end() :], re.MULTILINE)
    end = len(text) if following is None else header.end() + following.start()
    rest = text[end:] if text[end:].startswith("\n") else f"\n{text[end:]}"
    return f"{text[:end].rstrip()}\n{lines}{rest}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else json.dumps(name)


def _require(own: Any, wanted: list[str]) -> None:
    """Add the requirements that are missing to an array, and the extras that one has not."""
    known = {normalise(Requirement(text).name): at for at, text in enumerate(own)}
    for text in wanted:
        asked = Requirement(text)
        name = normalise(asked.name)
        if name not in known:
            own.append(text)
        elif more := asked.extras - (has := Requirement(own[known[name]])).extras:
            bare = re.sub(r"^\s*[\w.-]+\s*(\[[^\]]*\])?", "", str(own[known[name]]))
            own[known[name]] = f"{has.name}[{','.join(sorted(has.extras | more))}]{bare}"


def joined_docs(own: str, made: str) -> str:
    """A page with another as its last section, whose headings are one level deeper."""
    return f"{own.rstrip()}\n\n{re.sub(r'^#', '##', made, flags=re.MULTILINE).strip()}\n"


def joined_tour(own: str, made: str, *, files: Collection[str]) -> str:
    """A tour with the steps of another through ``files``, which come before those through the tests."""
    try:
        tour = json.loads(own)
        steps: list[dict[str, Any]] = tour["steps"]
        new = [step for step in json.loads(made)["steps"] if step["file"] in files]
        place = next((at for at, step in enumerate(steps) if step["file"].startswith("tests/")), len(steps))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnemoiError(
            f"The tour of the plugin cannot be read: {error!r}.", fix="Restore .tours/code.tour from git."
        ) from error
    tour["steps"] = [*steps[:place], *new, *steps[place:]]
    return json.dumps(tour, indent=2, ensure_ascii=False) + "\n"
