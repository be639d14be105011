"""What would be installed in a cell, without installing it; or why nothing can be."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .cells import Cell
from .said import one_line
from .uv import WANTED_NEVER, UvError, find_links, find_python, uv
from .wheels import Wheel


@dataclass(frozen=True)
class Lock:
    """What is installed in a cell, to the last version.

    Parameters
    ----------
    text
        A requirements file.
    """

    text: str

    @property
    def versions(self) -> dict[str, str]:
        """The version of each distribution that comes from an index or a folder of wheels."""
        return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", self.text, re.MULTILINE))


class UnsatisfiableError(Exception):
    """No set of versions satisfies every requirement; what the resolver said."""


class UnresolvedError(Exception):
    """The resolver found no answer, because an index or a distribution on it cannot be read."""


@dataclass(frozen=True)
class Question:
    """All that the versions in a cell follow from.

    Parameters
    ----------
    wheels
        The distributions of ours that are in it.
    extra
        Which of them comes with which of its extras, if one does.
    requirements
        Further ones, from the index.
    python, resolution
        Of the cell.
    folders
        Folders of wheels to look into.
    overrides
        Requirements that take the place of all others on the same distribution.
    """

    wheels: tuple[Wheel, ...]
    extra: tuple[str, str] | None
    requirements: tuple[str, ...]
    python: str
    resolution: str
    folders: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A hash of it, by which the answer is kept."""
        said = [
            sorted(wheel.sha256 for wheel in self.wheels),
            [self.extra, self.requirements, self.python, self.resolution, self.overrides],
            sorted(path.name for folder in self.folders for path in folder.glob("*.whl")),
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def question(
    cell: Cell,
    wheels: Iterable[Wheel],
    *,
    torch: Path | None,
    extra: tuple[str, str] | None = None,
    overrides: Iterable[str] = (),
) -> Question:
    """What to ask for a cell.

    Parameters
    ----------
    wheels
        Core, and the plugins that are in the cell.
    torch
        The folder that holds torch; None leaves torch out, whoever requires it.
    extra
        The one that comes with one of its extras, and which.
    overrides
        Requirements that take the place of all others on the same distribution.
    """
    requirements = [name + specifier for name, specifier in cell.extra]
    overrides = list(overrides)
    if torch is None:
        overrides.append(f"torch ; {WANTED_NEVER}")
    else:
        requirements.append(f"torch=={cell.torch}")
    wheels = tuple(wheels)
    # Where it has no such extra, it is the question that was asked without one.
    if extra is not None and not any(wheel.name == extra[0] and extra[1] in wheel.extras for wheel in wheels):
        extra = None
    return Question(
        wheels,
        extra,
        tuple(requirements),
        cell.python,
        cell.resolution,
        () if torch is None else (torch,),
        tuple(overrides),
    )


class Resolver:
    """Answers questions, each once; answers are kept in a folder, for a time, since the index changes.

    Parameters
    ----------
    folder
        Where answers are kept.
    max_age
        Hours after which a question is asked again.
    silence
        That an index gives no answer: what is not found may be there.
    """

    def __init__(self, folder: Path, max_age: float = 24.0, silence: str = "") -> None:
        self.folder, self.max_age, self.silence = folder, max_age, silence
        self._answering: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def lock(self, question: Question) -> Lock:
        """The versions that a cell has.

        Raises
        ------
        UnsatisfiableError
            If there are none.
        UnresolvedError
            If it cannot be known, which is not kept.
        """
        key = question.key
        with self._answering[key]:  # cells that come to the same are asked about once
            answer = self._answer(question, self.folder / f"{key}.json")
        if "lock" not in answer:
            raise UnsatisfiableError(answer["reason"])
        return Lock(answer["lock"])

    def _answer(self, question: Question, kept: Path) -> dict[str, str]:
        if kept.exists() and time.time() - kept.stat().st_mtime < 3600 * self.max_age:
            return dict(json.loads(kept.read_text(encoding="utf-8")))
        self.folder.mkdir(parents=True, exist_ok=True)
        answer = self._ask(question)
        temporary = kept.with_suffix(".tmp")
        temporary.write_text(json.dumps(answer), encoding="utf-8")
        temporary.rename(kept)
        return answer

    def _ask(self, question: Question) -> dict[str, str]:
        if reason := _plainly_unsatisfiable(question):
            return {"reason": reason}
        with tempfile.TemporaryDirectory() as temporary:
            wanted, overrides = Path(temporary) / "wanted.in", Path(temporary) / "overrides.in"
            lines = [_wanted(wheel, question.extra) for wheel in question.wheels]
            if question.resolution == "lowest-direct":
                lines += _direct(question)
            wanted.write_text("\n".join([*lines, *question.requirements]), encoding="utf-8")
            overrides.write_text("\n".join(question.overrides), encoding="utf-8")
            words = ["--python-version", question.python, "--resolution", question.resolution]
            words += ["--python", find_python(question.python) or sys.executable]
            words += ["--no-header", "--no-annotate", "--quiet", "--overrides", str(overrides)]
            try:
                words += find_links(question.folders)
                return {"lock": uv("pip", "compile", wanted, *words, directory=self.folder)}
            except UvError as error:
                reason = _sentence(str(error), question.wheels)
                if self.silence or "No solution found" not in reason:
                    raise UnresolvedError(
                        f"its versions cannot be resolved: {self.silence or reason}"
                    ) from None
                return {"reason": reason}


def _wanted(wheel: Wheel, extra: tuple[str, str] | None) -> str:
    with_it = f"[{extra[1]}]" if extra is not None and wheel.name == extra[0] else ""
    return f"{wheel.name}{with_it} @ {wheel.path.as_uri()}"


def _direct(question: Question) -> list[str]:
    """What our wheels require of others, said once more: for the resolver it is not direct otherwise."""
    ours = {wheel.name for wheel in question.wheels}
    return [
        str(each)
        for wheel in question.wheels
        for each in wheel.requirements
        if canonicalize_name(each.name) not in ours
        and (each.marker is None or "extra" not in str(each.marker))
    ]


def _plainly_unsatisfiable(question: Question) -> str | None:
    """A contradiction between two of our own wheels, seen without asking the resolver."""
    versions = {wheel.name: wheel.version for wheel in question.wheels}
    overridden = {canonicalize_name(Requirement(each).name) for each in question.overrides}
    for wheel in question.wheels:
        if not SpecifierSet(wheel.requires_python).contains(f"{question.python}.99"):
            return f"{wheel.name} {wheel.version} requires Python {wheel.requires_python}."
        for each in wheel.requirements:
            name = canonicalize_name(each.name)
            if each.marker is not None or name in overridden or name not in versions:
                continue
            if not each.specifier.contains(versions[name], prereleases=True):
                return f"{wheel.name} {wheel.version} requires {each}, and {name} is {versions[name]} here."
    return None


def _sentence(said: str, wheels: Sequence[Wheel]) -> str:
    """What the resolver said, on one line, without the places of files."""
    for wheel in wheels:
        said = said.replace(f" @ {wheel.path.as_uri()}", "").replace(str(wheel.path), wheel.path.name)
    return one_line(said, limit=2000)
