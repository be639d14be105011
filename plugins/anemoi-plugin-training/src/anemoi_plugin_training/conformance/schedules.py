"""The checks of schedules."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from anemoi_plugin_testing import (
    Check,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)

from ..interfaces.schedule import Schedule

GIVEN: Final = {"steps": 40, "warmup_steps": 5}
SIZES: Final = ((1, 0), (1, 1), (2, 0), (3, 10), (40, 5))
LOSSES: Final = (1.0, *(0.5,) * 20)
"""Validation losses that fall once and then no longer."""
RUNS: Final = ("is_a_share",)


def _build(subject: Subject, **given: Any) -> Schedule:
    schedule: Schedule = subject.build(**{**GIVEN, **given})
    return schedule


def _factors(schedule: Schedule) -> list[float]:
    return [schedule.factor(step) for step in range(GIVEN["steps"])]


@contract()
def builds(subject: Subject) -> None:
    """It is built from steps and steps of warm-up, by name, and its own options."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def is_a_share(subject: Subject) -> None:
    """The factor of each step is within [0, 1], and above zero at some step."""
    found = _factors(_build(subject))
    outside = [each for each in found if not 0 <= each <= 1]
    require(not outside, f"it is {outside[0]:g}" if outside else "")
    require(max(found) > 0, "it is zero throughout")


@contract(after=RUNS)
def takes_any_length(subject: Subject) -> None:
    """A training may have one step, no warm-up, or one that is longer than itself."""
    for steps, warmup_steps in SIZES:
        schedule = _build(subject, steps=steps, warmup_steps=warmup_steps)
        for step in range(steps + 2):
            found = schedule.factor(step)
            require(0 <= found <= 1, f"it is {found:g} at step {step} of {steps}, {warmup_steps} of warm-up")


@contract(after=RUNS)
def depends_on_the_step_alone(subject: Subject) -> None:
    """A step has the same factor whichever steps were asked for before, so that training may go on later."""
    schedule = _build(subject)
    forwards = _factors(schedule)
    backwards = [_build(subject).factor(step) for step in range(GIVEN["steps"])]
    require(forwards == _factors(schedule), "asked a second time it is another")
    require(forwards == backwards, "asked of a fresh one it is another")


@contract(after=(*RUNS, "depends_on_the_step_alone"))
def says_whether_it_follows_validation(subject: Subject) -> None:
    """It follows validation losses exactly if it declares ``needs_validation``."""
    schedule = _build(subject)
    before = _factors(schedule)
    for loss in LOSSES:
        schedule.validated(loss)
    follows = before != _factors(schedule)
    if subject.component.needs_validation:
        require(follows, "it declares needs_validation, and does not change when the loss no longer falls")
    else:
        require(not follows, "it changes with validation losses, and does not declare needs_validation")


@contract(after=(*RUNS, "says_whether_it_follows_validation"))
def goes_on_with_its_state(subject: Subject) -> None:
    """Its state is numbers, and a fresh one that takes it up goes on with the same factors."""
    for count in range(len(LOSSES)):
        one, other = _build(subject), _build(subject)
        for loss in LOSSES[:count]:
            one.validated(loss)
        other.restore(json.loads(json.dumps(one.state())))
        for schedule in (one, other):
            for loss in LOSSES[count:]:
                schedule.validated(loss)
        require(_factors(one) == _factors(other), "it goes on with others")


@contract(after=RUNS)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    require(
        _factors(_build(subject)) == _factors(_build(written)), "it is another with its defaults written out"
    )


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    is_a_share,
    takes_any_length,
    depends_on_the_step_alone,
    says_whether_it_follows_validation,
    goes_on_with_its_state,
    options_survive_a_configuration,
)
