"""Everything that is needed and cannot be used here, in one error with one command that installs it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import AbsentError, PluginError, PluginsError
from ._catalogue import begins_with, how_to_install, provider
from ._kinds import normalise
from ._load import find, matching

_KINDS_OF_GROUP = {"model": ("model", "processor", "mapper"), "data": ("source",)}
"""The kinds whose components a configuration group is for, where they are not called as the group is."""

_CHOICE = re.compile(r"\+?([\w-]+)=([\w:.-]+)")


class Needs:
    """Collects the errors of several checks, so that the user hears of all at once.

    ::

        needs = Needs()
        with needs.noted():
            plugins.load("output", "grib")
        with needs.noted():
            plugins.load("source", "sample")
        needs.check()
    """

    def __init__(self) -> None:
        self.errors: list[PluginError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep a :class:`~anemoi.core.errors.PluginError` that arises within, and go on after the block."""
        try:
            yield
        except PluginError as error:
            self.errors.append(error)

    def check(self) -> None:
        """Raise what has been noted, as one error.

        Raises
        ------
        PluginError
            If anything has.
        """
        if self.errors:
            raise together(self.errors)


def together(errors: Sequence[PluginError]) -> PluginError:
    """Make one error of several, with one command that installs all that is absent.

    What is installed and cannot be used keeps its own reason and its own remedy.
    """
    each = [one for error in errors for one in (error.errors if isinstance(error, PluginsError) else [error])]
    if len(each) == 1:
        return each[0]
    fixes = [error.fix for error in each if error.fix and not isinstance(error, AbsentError)]
    if absent := [error.requirement for error in each if isinstance(error, AbsentError)]:
        fixes.insert(0, f"To install all that is missing: {install_command(absent)}")
    return PluginsError(each, fix="\n".join(dict.fromkeys(fixes)) or None)


def install_command(requirements: Iterable[str]) -> str:
    """The one command that installs all of ``requirements``; a version that is asked for counts."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for requirement in requirements:
        wanted[normalise(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])].add(requirement)
    words = ["pip", "install"]
    if any(how_to_install(name)[1] for name in wanted):
        words.append("--upgrade")
    for name in sorted(wanted):
        exact = {each for each in wanted[name] if normalise(each) != name}
        words += sorted(f"'{each}'" for each in exact) or [name]
    return " ".join(words)


def choice_fault(group: str, name: str) -> PluginError | None:
    """Why the choice ``group=name`` of a configuration cannot be made here.

    None where it is unknown, or its component can be used and the file alone is absent.
    """
    for kind in _KINDS_OF_GROUP.get(group, (group,)):
        if matching(kind, name) or provider(kind, name.rpartition(":")[2]):
            try:
                find(kind, name)
            except PluginError as error:
                return error
    return None


def needed_by(command: str, words: Iterable[str]) -> list[PluginError]:
    """What a command needs besides its own distribution and cannot use here.

    The catalogue knows what the command begins with, of which ``words`` may choose another (``model=gnn``).
    """
    choices = begins_with(command)
    chosen = {match[1]: match[2] for word in words if (match := _CHOICE.fullmatch(word))}
    found = (choice_fault(group, chosen.get(group, name)) for group, name in choices.items())
    return [error for error in found if error is not None]
