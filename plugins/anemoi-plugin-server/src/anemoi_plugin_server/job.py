"""What a server can be asked for: a command of ``anemoi``, from options that a form or a request gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_type_hints


@dataclass(frozen=True)
class Choice:
    """Marks an option whose value is one of the names that the server offers, never a path.

    ``Annotated[str, Choice("model")]`` is a model at hand. The form shows a list of them.

    Parameters
    ----------
    of
        What it names: ``model`` (a checkpoint at hand), ``source`` (a source that the operator allows),
        ``output`` (an output that the operator allows) or ``result`` (the result of a finished job).
    """

    of: str


@dataclass(frozen=True)
class Unit:
    """Marks the units of an option, for the form: ``Annotated[float, Unit("degrees_north")]``."""

    name: str


class Offered(Protocol):
    """What the operator offers to jobs, by name."""

    def model(self, name: str) -> Path:
        """The checkpoint of a model at hand.

        Raises
        ------
        NotThereError
            If there is none of this name.
        """

    def source(self, name: str) -> Mapping[str, Any]:
        """The component and options of a source that the operator allows.

        Raises
        ------
        RequestError
            If none is called so.
        """

    def output(self, name: str) -> Mapping[str, Any]:
        """The component and options of an output that the operator allows, by the suffix of its files.

        Raises
        ------
        RequestError
            If none is called so.
        """


class Workspace(Offered, Protocol):
    """What a job may reach: its own directory, and by name what the operator offers to its owner."""

    directory: Path
    """Empty at the first attempt; at a further one as the one before left it."""

    attempt: int
    """From one."""

    def result(self, job: str) -> Path:
        """The directory of the result of a finished job that the owner may see. It is not written to.

        Raises
        ------
        NotThereError
            If there is no such result, or none for the owner.
        """


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    done, total
        Steps; a total of 0 is not known yet.
    """

    done: int
    total: int


class Job(ABC):
    """A command of ``anemoi`` that runs in a process and a directory of its own.

    A subclass takes its options as keyword arguments, each with a type, a default if it can have one, and a
    sentence in its docstring: they are the form on the page and the schema of the API. Options come from
    strangers, so they never are paths or code: what lies on the server is named by a :class:`Choice`.

    Whatever the command leaves in ``workspace.directory`` under :attr:`results` is the result: it is kept,
    with a digest of its contents and its provenance.
    """

    title: ClassVar[str]
    """What the page calls it: ``Forecast``."""

    results: ClassVar[str] = "results"
    """The directory, in that of the job, of what is kept."""

    events: ClassVar[str] = "events.jsonl"
    """The file, in the directory of the job, that the command appends its events to (``--log-json``)."""

    def check(self, offered: Offered) -> None:  # noqa: B027 (what need not be overridden)
        """Refuse what the command would refuse, as far as that is quick to tell.

        Called in the server before the job is queued, with options that are right one by one and names that
        are offered.

        Raises
        ------
        AnemoiError
            An error that begins with the name of an option (``start: ...``) is shown beside it.
        """

    @abstractmethod
    def command(self, workspace: Workspace) -> Sequence[str]:
        """Write what the command takes into the directory, and give its arguments, after ``anemoi``.

        Called in the process of the job, before each attempt: at a further one the command should go on
        where that before was interrupted. It runs in ``workspace.directory``.

        Raises
        ------
        AnemoiError
            If an option names what is not there.
        """

    def progress(self, before: Progress, event: Mapping[str, Any]) -> Progress:
        """How far it is after one more event of the command; as before unless it is overridden.

        Parameters
        ----------
        before
            How far it was.
        event
            A line of :attr:`events`, with its ``event`` and ``time``.
        """
        return before


def choices(kind: type[Job]) -> dict[str, Choice]:
    """The options of a kind of job whose values are names that the server offers."""
    hints = get_type_hints(kind.__init__, include_extras=True)
    return {
        option: mark
        for option, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Choice)
    }
