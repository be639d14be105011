"""Whether sources hold what forecasts need: checked before anything is read, with every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..conforming import conformed, contradictions
from ..domain import Domain
from ..errors import DataError, NotThereError, RequestError
from ..held import held
from ..interfaces.data_source import DataSource
from ..times import format_date, format_duration, parse_duration
from ..units import same_unit
from .needs import Need, needs

_MOST = 6
"""How many dates a message lists."""

LeadTimes = dict[str, NDArray[np.timedelta64]]
"""The lead times of each domain that has outputs, ``(lead times,)`` timedelta64[s]."""

Sources = Mapping[str, DataSource]
"""The source of each domain."""


def lead_times(checkpoint: Checkpoint, lead_time: str | timedelta | np.timedelta64) -> LeadTimes:
    """List the lead times up to ``lead_time`` at which a forecast has states.

    Raises
    ------
    AnemoiError
        If it is not a duration, or neither a state nor a step of the model is at it.
    """
    end = parse_duration(lead_time)
    count = step_count(checkpoint, end)
    found: LeadTimes = {}
    for name, steps in checkpoint.steps.items():
        if checkpoint.domains[name].outputs and steps.outputs:
            outputs = np.array(steps.outputs, dtype="timedelta64[s]")
            leads = (np.arange(count)[:, None] * steps.step + outputs).ravel()
            found[name] = leads[leads <= end]
    # An interpolator has no state where its step ends: that one is given.
    whole = count > 0 and not end % next(iter(checkpoint.steps.values())).step
    if not whole and not any(len(leads) and leads[-1] == end for leads in found.values()):
        given = (name for name, domain in checkpoint.domains.items() if domain.outputs)
        step = min(offset for name in given for offset in checkpoint.steps[name].outputs)
        nearest = max((leads[-1] for leads in found.values() if len(leads)), default=step)
        raise RequestError(
            f"The lead time {format_duration(end)} is not a multiple of the checkpoint's step of "
            f"{format_duration(step)}.",
            fix=f"Ask for one that is, such as {format_duration(nearest)}.",
        )
    return {name: leads for name, leads in found.items() if len(leads)}


def step_count(checkpoint: Checkpoint, end: np.timedelta64) -> int:
    """How many steps lead to ``end``."""
    step = next(iter(checkpoint.steps.values())).step
    return int(-(-end // step))


def by_domain(checkpoint: Checkpoint, source: DataSource | Sources) -> Sources:
    """The source of each domain, with states as far apart as in training; one alone is the only domain's.

    Raises
    ------
    DataError
        If a domain has none.
    """
    if isinstance(source, DataSource):
        if len(checkpoint.domains) > 1:
            raise RequestError(
                f"The checkpoint has the domains {', '.join(checkpoint.domains)}: each needs a source.",
                fix="Give one for each: {"
                + ", ".join(f"{name!r}: ..." for name in checkpoint.domains)
                + "} (--source DOMAIN.KEY=VALUE)",
            )
        source = dict.fromkeys(checkpoint.domains, source)
    if absent := [name for name in checkpoint.domains if name not in source]:
        raise RequestError(
            f"There is no source for {', '.join(absent)}.", fix=f"Give one: --source {absent[0]}.name=NAME"
        )
    settings = checkpoint.configuration.get("domains") or {}
    return {
        name: conformed(held(source[name], settings.get(name, {}).get("frequency")), domain)
        for name, domain in checkpoint.domains.items()
    }


def check_sources(
    checkpoint: Checkpoint,
    sources: Sources,
    dates: Sequence[np.datetime64],
    *,
    count: int = 1,
    persist: Collection[str] = (),
) -> None:
    """Check that forecasts of ``count`` steps from ``dates`` can be made with ``sources``; no field is read.

    Parameters
    ----------
    persist
        Forcings that keep the value that they have at the start.

    Raises
    ------
    NotThereError
        If states are not there, and that is the only reason.
    DataError
        If not, with every reason there is.
    """
    _check_persisted(checkpoint, persist)
    reasons: list[str] = []
    wrong = False
    for name, domain in checkpoint.domains.items():
        wanted = needs(domain, checkpoint.steps[name], count, persist)
        mismatches = _mismatches(domain, sources[name], wanted)
        absent, otherwise = _absent(domain, checkpoint.steps[name].interval, sources[name], wanted, dates)
        wrong = wrong or bool(mismatches) or otherwise
        prefix = f"{name}: " if len(checkpoint.domains) > 1 else ""
        reasons += [f"{prefix}{reason}" for reason in (*mismatches, *absent)]
    if reasons:
        raise (DataError if wrong else NotThereError)(
            "A forecast cannot start from this source:\n" + "\n".join(f"- {reason}" for reason in reasons),
            fix="Choose another source or date. What the checkpoint needs: anemoi checkpoint inspect FILE",
        )


def _check_persisted(checkpoint: Checkpoint, persist: Collection[str]) -> None:
    moving = {
        name for domain in checkpoint.domains.values() for name in domain.forcings if name not in domain.fixed
    }
    if wrong := [name for name in persist if name not in moving]:
        raise RequestError(
            f"{', '.join(wrong)} cannot be persisted: no forcing of that name is read at every step.",
            fix=f"Those that are: {', '.join(sorted(moving)) or 'none'}.",
        )


def _mismatches(domain: Domain, source: DataSource, wanted: tuple[Need, ...]) -> list[str]:
    """How a source differs from what the checkpoint takes."""
    reasons = []
    names = list(dict.fromkeys(name for need in wanted for name in need.variables))
    if absent := [name for name in names if name not in source.variables]:
        reasons.append(f"it has no {', '.join(absent)}; it has {', '.join(source.variables)}")
    theirs, ours = source.units, domain.units
    reasons += [
        f"its {name} is in {theirs[name]}, the checkpoint's in {ours[name]}"
        for name in names
        if name in ours and name in theirs and not same_unit(theirs[name], ours[name])
    ]
    reasons += contradictions(source, domain, names)
    if wanted and not domain.grid.matches(source.grid):
        same_size = len(domain.grid) == len(source.grid)
        other = (
            "its points lie elsewhere, or in another order"
            if same_size
            else f"it has {len(source.grid)} points"
        )
        reasons.append(f"the checkpoint's grid has {len(domain.grid)} points, but {other}")
    return reasons


def _absent(
    domain: Domain,
    interval: np.timedelta64,
    source: DataSource,
    wanted: tuple[Need, ...],
    dates: Sequence[np.datetime64],
) -> tuple[list[str], bool]:
    """Which states a source does not have, and whether its states are further apart than the model's."""
    reasons = []
    there = set(source.times.astype("datetime64[s]").tolist())
    missing = {time.astype("datetime64[s]") for time in source.missing}
    times = sorted({date + offset for need in wanted for offset in need.offsets for date in dates})
    outside = [time for time in times if time.tolist() not in there]
    # States farther apart than in training suit an interpolator, which is given every so many of them.
    suits = source.frequency > interval and not any((time - times[0]) % source.frequency for time in times)
    otherwise = bool(outside) and source.frequency != interval and not suits
    if otherwise:
        reasons.append(
            f"the checkpoint's states are {format_duration(interval)} apart, "
            f"its are {format_duration(source.frequency)} apart"
        )
    if outside:
        forcings = [
            name
            for need in wanted
            for name in need.variables
            if name not in domain.prognostic and need.offsets[-1] > np.timedelta64(0, "s")
        ]
        asked = f" (forcings read at every step, unless persisted: {', '.join(forcings)})" if forcings else ""
        reasons.append(
            f"it has no state at {_listed(outside)}{asked}; its states run from "
            f"{format_date(source.times[0])} to {format_date(source.times[-1])} every "
            f"{format_duration(source.frequency)}"
        )
    if lost := [time for time in times if time in missing]:
        reasons.append(f"its state at {_listed(lost)} is missing")
    return reasons, otherwise


def _listed(times: Iterable[np.datetime64]) -> str:
    *first, last = [format_date(time) for time in times]
    if len(first) >= _MOST:
        first, last = first[: _MOST - 1], f"{len(first) - _MOST + 2} more"
    return f"{', '.join(first)} and {last}" if first else last
