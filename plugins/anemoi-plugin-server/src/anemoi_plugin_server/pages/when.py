"""When the job of a form is made: now, or at set times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anemoi.core.config import Problem
from anemoi.core.errors import AnemoiError
from anemoi.core.times import parse_duration

from ..schedules import DATE, cron
from .forms import Form

CHOICE: Final = "_when"
CRON: Final = "_cron"
PATIENCE: Final = "_patience"
"""The fields of the form. No option of a job is called so."""

OTHER: Final = "other"
TIMES: Final[Mapping[str, str]] = {
    "": "now, once",
    "0 0 * * *": "every day at 00 UTC",
    "0 0,12 * * *": "every day at 00 and 12 UTC",
    "0 0,6,12,18 * * *": "every day at 00, 06, 12 and 18 UTC",
    OTHER: "at other times",
}
"""What can be chosen, and how each is shown."""


@dataclass(frozen=True)
class When:
    """What a form says of it.

    Parameters
    ----------
    choice
        One of :data:`TIMES`.
    times
        When, as cron writes it, where others are chosen.
    patience
        How long a run waits for its data.
    """

    choice: str = ""
    times: str = ""
    patience: str = "12h"

    @classmethod
    def of(cls, given: Mapping[str, str]) -> When:
        """From the fields of a form."""
        return cls(
            given.get(CHOICE, ""), given.get(CRON, "").strip(), given.get(PATIENCE, "").strip() or "12h"
        )

    @property
    def cron(self) -> str:
        """When, as cron writes it; empty for now."""
        return self.times if self.choice == OTHER else self.choice

    @property
    def is_now(self) -> bool:
        """Whether the job is made once, at once."""
        return not self.choice

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it."""
        yield from _problem(CRON, cron.check, self.cron)
        yield from _problem(PATIENCE, parse_duration, self.patience)


def with_date(form: Form, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, those with the time of the run that need one and have none."""
    return {**options, **{key: DATE for key in _needed(form) if key not in options}}


def undated(form: Form, options: Mapping[str, Any]) -> Iterator[Problem]:
    """The options that would be the same time in each run."""
    for key in _needed(form):
        if DATE not in str(options[key]):
            fix = f"Write {DATE}, which stands for the time of each, or leave it empty."
            yield Problem(key, "It is the same in every run.", fix)


def _problem(key: str, check: Callable[[str], Any], value: str) -> Iterator[Problem]:
    try:
        check(value)
    except AnemoiError as error:
        yield Problem(key, error.what, error.fix or "")


def _needed(form: Form) -> list[str]:
    """The options that must be a time."""
    return [key for key, option in form.items() if option.required and option.shape.widget == "date"]
