"""The checks of jobs."""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any, Final

from anemoi.core.commands import CORE_COMMANDS
from anemoi.core.config.options import options
from anemoi.core.plugins import components
from anemoi_plugin_testing import Check, Subject, contract, from_configuration, require, require_built

from .job import Job, Progress, choices

OFFERED: Final = ("model", "source", "output", "result")
REFUSED: Final = ("--trust-code", "--debug")
"""Options of commands that no job of a stranger has."""

DATE: Final = "2025-12-22T00"

STRANGE: Final[tuple[Mapping[str, Any], ...]] = (
    {"time": "2025-12-22T00:00:00.000+00:00", "event": "something-new"},
    {"time": "2025-12-22T00:00:01.000+00:00", "event": "failed", "error": "no", "fix": None, "exit_code": 4},
)
"""Events that a job may not know."""


@dataclass
class TrialWorkspace:
    """A workspace that offers whatever it is asked for, and remembers what that was.

    Parameters
    ----------
    directory, attempt
        See :class:`.Workspace`.
    place
        Where what it offers is.
    """

    directory: Path
    place: Path
    attempt: int = 1
    asked: set[tuple[str, str]] = field(default_factory=set)
    offered: list[dict[str, Any]] = field(default_factory=list)

    def model(self, name: str) -> Path:
        """A file that is there."""
        return self._file("model", name, f"{name}.safetensors")

    def result(self, job: str) -> Path:
        """A directory with a forecast."""
        return self._file("result", job, "forecast.zarr").parent

    def source(self, name: str) -> Mapping[str, Any]:
        """A source."""
        return self._spec("source", name)

    def output(self, name: str) -> Mapping[str, Any]:
        """An output."""
        return self._spec("output", name)

    def _file(self, kind: str, name: str, file: str) -> Path:
        self.asked.add((kind, name))
        path = self.place / kind / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def _spec(self, kind: str, name: str) -> Mapping[str, Any]:
        self.asked.add((kind, name))
        self.offered.append({"name": name, "path": f"/{kind}"})
        return self.offered[-1]


def _complete(subject: Subject) -> Subject:
    """The same, with a name for each choice, and a date for each text, that it must be given and was not."""
    found = options(subject.component, kind="job")
    needed = [name for name, parameter in found.items() if parameter.required]
    dates = {name: DATE for name in needed if _is_text(found[name].type)}
    names = {name: f"a-{choice.of}" for name, choice in choices(subject.component).items()}
    return replace(subject, options={**dates, **names, **subject.options})


def _is_text(annotation: Any) -> bool:
    bare = typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    return bare is str


def _build(subject: Subject) -> Job:
    job: Job = require_built(_complete(subject))
    return job


@contextmanager
def _workspace() -> Iterator[TrialWorkspace]:
    with TemporaryDirectory() as place:
        directory = Path(place, "work")
        directory.mkdir()
        yield TrialWorkspace(directory, Path(place, "offered"))


def _contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@contract()
def options_are_described(subject: Subject) -> None:
    """Each option has a type, and a sentence in the docstring: the form and the schema show both."""
    found = options(subject.component, kind="job")
    untyped = [name for name, parameter in found.items() if parameter.type is Any]
    require(not untyped, f"these options have no type: {', '.join(untyped)}")
    silent = [name for name, parameter in found.items() if not parameter.doc]
    require(not silent, f"the docstring does not say what these are: {', '.join(silent)}")


@contract()
def options_name_no_place(subject: Subject) -> None:
    """No option is a path: what lies on the server is named by a `Choice`."""
    found = options(subject.component, kind="job")
    paths = [name for name, parameter in found.items() if _has_path(parameter.type)]
    require(not paths, f"these options are paths: {', '.join(paths)}")


def _has_path(annotation: Any) -> bool:
    is_path = isinstance(annotation, type) and issubclass(annotation, PurePath)
    return is_path or any(map(_has_path, typing.get_args(annotation)))


@contract()
def has_a_title(subject: Subject) -> None:
    """Its title is a line that fits into a list."""
    title = getattr(subject.component, "title", None)
    right = isinstance(title, str) and title.strip() == title and 0 < len(title) <= 40
    require(right and str(title).isprintable(), f"it is {title!r}")


@contract()
def chooses_what_servers_offer(subject: Subject) -> None:
    """Each `Choice` is of a model, a source, an output or a result."""
    for name, choice in choices(subject.component).items():
        require(choice.of in OFFERED, f"{name} is a choice of {choice.of!r}, not of {', '.join(OFFERED)}")


@contract(after=("options_are_described", "chooses_what_servers_offer"))
def builds(subject: Subject) -> None:
    """It is built from its options alone."""
    _build(subject)


@contract(after=("builds",))
def makes_a_command(subject: Subject) -> None:
    """It gives the words of a command of `anemoi` that is installed, none of which trusts code."""
    with _workspace() as workspace:
        words = _build(subject).command(workspace)
    right = isinstance(words, Sequence) and not isinstance(words, str) and len(words) > 0
    require(right and all(isinstance(word, str) for word in words), f"it gives {words!r}")
    known = {*CORE_COMMANDS, *(each.name.partition(".")[0] for each in components("command"))}
    require(words[0] in known, f"there is no command {words[0]!r}")
    refused = [word for word in words if word.partition("=")[0] in REFUSED]
    require(not refused, f"it gives {', '.join(refused)}")


@contract(after=("makes_a_command",))
def stays_in_its_directory(subject: Subject) -> None:
    """It writes nothing outside of its directory."""
    with _workspace() as workspace:
        job = _build(subject)
        job.command(workspace)  # what it asks for is made by that
        outside = {path for path in _contents(workspace.directory.parent) if not path.startswith("work/")}
        before = {path: (workspace.directory.parent / path).read_bytes() for path in outside}
        _build(subject).command(replace(workspace, attempt=2))
        after = {
            path: content
            for path, content in _contents(workspace.directory.parent).items()
            if not path.startswith("work/")
        }
        strange = sorted(
            path for path in after if not path.startswith("offered/") or before.get(path) != after[path]
        )
    require(not strange, f"it has written {', '.join(strange)}")


@contract(after=("makes_a_command",))
def asks_for_what_is_chosen(subject: Subject) -> None:
    """What an option names is what the workspace gives for the name, and nothing else."""
    complete = _complete(subject)
    with _workspace() as workspace:
        _build(subject).command(workspace)
    for name, choice in choices(subject.component).items():
        wanted = (choice.of, complete.options[name])
        require(wanted in workspace.asked, f"it has not asked for the {choice.of} that {name} names")


@contract(after=("makes_a_command",))
def goes_on(subject: Subject) -> None:
    """At a further attempt it keeps what the one before has made, and gives a command again."""
    with _workspace() as workspace:
        _build(subject).command(workspace)
        results = workspace.directory / subject.component.results
        results.mkdir(exist_ok=True)
        (results / "made").write_text("before", encoding="utf-8")
        words = _build(subject).command(replace(workspace, attempt=2))
        kept = (results / "made").is_file() and (results / "made").read_text(encoding="utf-8") == "before"
    require(kept, f"{subject.component.results}/made is gone")
    require(len(words) > 0, "it gives no command")


@contract(after=("makes_a_command",))
def is_the_same_every_time(subject: Subject) -> None:
    """The same options make the same command and the same files."""
    with _workspace() as workspace:
        made = []
        for number in range(2):
            workspace.directory = workspace.place / str(number)
            workspace.directory.mkdir(parents=True)
            words = list(_build(subject).command(workspace))
            made.append((words, _contents(workspace.directory)))
    require(made[0][0] == made[1][0], f"first it is {made[0][0]}, then {made[1][0]}")
    require(made[0][1] == made[1][1], "its files differ")


@contract(after=("makes_a_command",))
def leaves_what_is_offered_alone(subject: Subject) -> None:
    """Sources and outputs that the workspace gives are the same after as before."""
    with _workspace() as workspace:
        _build(subject).command(workspace)
    changed = [each for each in workspace.offered if set(each) != {"name", "path"}]
    require(not changed, f"it has made {changed} of them")


@contract(after=("builds",))
def passes_over_unknown_events(subject: Subject) -> None:
    """Events that it does not know change nothing in how far it is."""
    before = Progress(3, 8)
    for event in STRANGE:
        try:
            found = _build(subject).progress(before, copy.deepcopy(event))
        except Exception as error:
            require(False, f"after the event {event['event']!r}, {type(error).__name__}: {error}")
        require(found == before, f"after the event {event['event']!r}, it is {found}")


@contract(after=("is_the_same_every_time",))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to JSON, the defaults too, make the same command as those left out."""
    complete = _complete(subject)
    made = []
    for each in (complete, replace(complete, options=from_configuration(complete))):
        with _workspace() as workspace:
            words = each.build().command(workspace)
            place = str(workspace.directory.parent)
            made.append([word.replace(place, "") for word in words])
    require(made[0] == made[1], "with the defaults written out it differs")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_described,
    options_name_no_place,
    has_a_title,
    chooses_what_servers_offer,
    builds,
    makes_a_command,
    stays_in_its_directory,
    asks_for_what_is_chosen,
    goes_on,
    is_the_same_every_time,
    leaves_what_is_offered_alone,
    passes_over_unknown_events,
    options_survive_a_configuration,
)
