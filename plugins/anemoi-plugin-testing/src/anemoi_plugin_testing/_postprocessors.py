"""The checks of postprocessors: that they leave what they say, and nothing of what they were not given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.interfaces.postprocessor import PostProcessor
from anemoi.core.variable import Variable
from numpy.typing import NDArray

from ._check import Check, Subject, contract, require
from ._graphs import spread_grid
from ._options import from_configuration, options_are_declared, require_built

RUNS = ("builds", "names_what_it_leaves", "gives_what_it_says")

SIX_HOURS: Final = np.timedelta64(6 * 3600, "s")

VARIABLES: Final = (
    *(Variable(f"{name}_{level}", units=units, level=level, level_type="pressure")
      for name, units in (
          ("z", "m**2 s**-2"), ("t", "K"), ("q", "kg kg**-1"), ("u", "m s**-1"), ("v", "m s**-1"))
      for level in (500, 850)),
    *(Variable(name, units=units, level_type="surface")
      for name, units in (("10u", "m s**-1"), ("10v", "m s**-1"), ("2t", "K"), ("2d", "K"), ("msl", "Pa"))),
    Variable("tp", units="m", level_type="surface", accumulated=SIX_HOURS),
)  # fmt: skip
"""What the forecast has that postprocessors are given."""

_USUAL: Final = {
    "z_500": (55e3, 2e3), "z_850": (14e3, 1e3), "t_500": (252.0, 10.0), "t_850": (275.0, 10.0),
    "q_500": (1e-3, 1e-4), "q_850": (5e-3, 1e-3), "2t": (285.0, 10.0), "2d": (279.0, 5.0),
    "msl": (1.01e5, 1e3), "tp": (2e-3, 5e-4),
}  # fmt: skip
"""Mean and standard deviation of variables other than wind."""

Fields = NDArray[np.float32]


def _description(*, members: int = 3, grid: Grid | None = None) -> ForecastDescription:
    """What is known of a forecast of weather before its first state."""
    latitude, longitude = np.meshgrid(np.linspace(75.0, -75.0, 6), np.arange(12) * 30.0, indexing="ij")
    return ForecastDescription(
        start=np.datetime64("2020-02-28T18", "s"),
        lead_times=np.arange(1, 4) * SIX_HOURS,
        members=members,
        variables=tuple(variable.name for variable in VARIABLES),
        grid=grid or Grid(latitude.reshape(-1), longitude.reshape(-1), (6, 12)),
        units={variable.name: str(variable.units) for variable in VARIABLES},
        provenance={"identity": "sha256:00", "kind": "forecast", "parents": []},
        frequency=SIX_HOURS,
        metadata={variable.name: variable for variable in VARIABLES},
    )


def _states(forecast: ForecastDescription, *, seed: int = 0) -> list[State]:
    """Its states, new arrays of the same random numbers every time."""
    random = np.random.default_rng(seed)
    mean, stdev = np.array([_USUAL.get(name, (0.0, 8.0)) for name in forecast.variables]).T
    shape = (forecast.members, len(forecast.grid), len(forecast.variables))
    return [
        State(
            forecast.start,
            lead_time,
            (random.normal(size=shape).clip(-3, 3) * stdev + mean).astype(np.float32),
        )
        for lead_time in forecast.lead_times
    ]


def _built(subject: Subject, forecast: ForecastDescription | None = None) -> PostProcessor:
    made: PostProcessor = subject.build(forecast=forecast or _description())
    return made


def _run(step: PostProcessor, states: Sequence[State]) -> list[Fields]:
    return [np.array(step.apply(state)) for state in states]


def _same(one: Sequence[Fields], other: Sequence[Fields]) -> bool:
    return all(np.array_equal(*pair, equal_nan=True) for pair in zip(one, other, strict=True))


@contract()
def builds(subject: Subject) -> None:
    """It is built from the description of a forecast, by name, and says what it leaves of it."""
    after = require_built(subject, forecast=_description()).after
    require(isinstance(after, ForecastDescription), f"it leaves a {type(after).__name__}")


@contract(after=("builds",))
def keeps_times_and_origin(subject: Subject) -> None:
    """What it leaves has the start, lead times, frequency, domain and provenance of before."""
    before, after = _description(), _built(subject).after
    for what in ("start", "lead_times", "frequency", "domain", "provenance"):
        found = getattr(after, what)
        require(np.array_equal(found, getattr(before, what)), f"it leaves another {what}: {found}")


@contract(after=("builds",))
def names_what_it_leaves(subject: Subject) -> None:
    """It leaves variables, each under a name of its own; units and metadata are of these, and agree."""
    after = _built(subject).after
    names = after.variables
    require(
        names and len(set(names)) == len(names), f"it leaves the variables {', '.join(names) or '(none)'}"
    )
    strange = sorted({*after.units, *after.metadata} - {*names})
    require(not strange, f"it has units or metadata of {', '.join(strange)}, which it does not leave")
    for name in names:
        known = after.about(name)
        require(known.name == name, f"the metadata call {name} {known.name}")
        require(
            known.units == after.units.get(name), f"{name} is in {after.units.get(name)} and {known.units}"
        )


@contract(after=("builds", "names_what_it_leaves"))
def gives_what_it_says(subject: Subject) -> None:
    """Each state becomes ``(members, grid, variables)`` float32, as it said beforehand."""
    step, forecast = _built(subject), _description()
    after = step.after
    expected = (after.members, len(after.grid), len(after.variables))
    for state in _states(forecast):
        fields = step.apply(state)
        require(isinstance(fields, np.ndarray), f"it gives a {type(fields).__name__}")
        require(fields.shape == expected, f"it gives {fields.shape}, but said {expected}")
        require(fields.dtype == np.float32, f"it gives {fields.dtype}")


@contract(after=RUNS)
def gives_finite_values(subject: Subject) -> None:
    """Of weather without missing values it makes finite values."""
    after = _built(subject).after
    for fields in _run(_built(subject), _states(_description())):
        wrong = [name for name, column in zip(after.variables, np.moveaxis(fields, -1, 0), strict=True)
                 if not np.isfinite(column).all()]  # fmt: skip
        require(not wrong, f"values of {', '.join(wrong)} are not finite")


@contract(after=RUNS)
def makes_nothing_of_what_is_missing(subject: Subject) -> None:
    """Where everything is NaN, everything that it leaves is NaN."""
    after = _built(subject).after
    missing = [replace(state, fields=np.full_like(state.fields, np.nan)) for state in _states(_description())]
    for fields in _run(_built(subject), missing):
        wrong = [name for name, column in zip(after.variables, np.moveaxis(fields, -1, 0), strict=True)
                 if not np.isnan(column).all()]  # fmt: skip
        require(not wrong, f"it makes values of {', '.join(wrong)} of nothing but NaN")


@contract(after=RUNS)
def leaves_states_alone(subject: Subject) -> None:
    """The fields of a state are the same afterwards, and may be such as cannot be written to."""
    step, forecast = _built(subject), _description()
    for state, before in zip(_states(forecast), _states(forecast), strict=True):
        step.apply(state)
        require(np.array_equal(state.fields, before.fields), "it writes to them")
    step = _built(subject)
    for state in _states(forecast):
        state.fields.flags.writeable = False
        step.apply(state)


@contract(after=RUNS)
def leaves_alone_what_it_gave(subject: Subject) -> None:
    """Fields that it gave for one state are the same after the next: they may not be written yet."""
    step = _built(subject)
    first, second, _ = _states(_description())
    given = step.apply(first)
    before = np.array(given)
    step.apply(second)
    require(np.array_equal(given, before, equal_nan=True), "it writes to them")


@contract(after=RUNS)
def is_the_same_every_time(subject: Subject) -> None:
    """The same states give the same bits when it is built anew."""
    states = _states(_description())
    first = _run(_built(subject), states)
    require(_same(_run(_built(subject), states), first), "built anew it gives something else")


@contract(after=(*RUNS, "is_the_same_every_time"))
def keeps_forecasts_apart(subject: Subject) -> None:
    """Two forecasts that are made at once give what each gives alone."""
    one, other = _states(_description()), _states(_description(), seed=1)
    alone = _run(_built(subject), one)
    mine, theirs, found = _built(subject), _built(subject), []
    for state, another in zip(one, other, strict=True):
        found.append(np.array(mine.apply(state)))
        theirs.apply(another)
    require(_same(found, alone), "with another forecast at its side it gives something else")


@contract(after=RUNS)
def takes_one_member(subject: Subject) -> None:
    """It takes a forecast of one member, or refuses it with a ``DataError`` when it is built."""
    _check_taken(subject, _description(members=1))


@contract(after=RUNS)
def takes_any_grid(subject: Subject) -> None:
    """It takes points in no rows and columns, or refuses them with a ``DataError`` when it is built."""
    _check_taken(subject, _description(grid=spread_grid(40)))


def _check_taken(subject: Subject, forecast: ForecastDescription) -> None:
    try:
        step = _built(subject, forecast)
        after = step.after
    except DataError:
        return
    expected = (after.members, len(after.grid), len(after.variables))
    for fields in _run(step, _states(forecast)):
        require(fields.shape == expected, f"it gives {fields.shape}, but said {expected}")


@contract(after=(*RUNS, "is_the_same_every_time"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    states = _states(_description())
    same = _same(_run(_built(subject), states), _run(_built(written), states))
    require(same, "with its defaults written out it gives something else")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "postprocessor": (
        options_are_declared,
        builds,
        keeps_times_and_origin,
        names_what_it_leaves,
        gives_what_it_says,
        gives_finite_values,
        makes_nothing_of_what_is_missing,
        leaves_states_alone,
        leaves_alone_what_it_gave,
        is_the_same_every_time,
        keeps_forecasts_apart,
        takes_one_member,
        takes_any_grid,
        options_survive_a_configuration,
    )
}
"""Postprocessors."""
