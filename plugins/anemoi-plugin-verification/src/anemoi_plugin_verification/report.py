"""The report: one HTML file that needs nothing else, neither network nor script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jinja2
import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import State
from anemoi.core.trailer import trailer

from .charts import error_growth, svg
from .evaluation import CLIMATOLOGY, MODEL, PERSISTENCE, Evaluation, Score
from .fields import read_fields
from .maps import Case, comparison, png
from .period import Period
from .raster import Raster
from .table import Section, sections
from .units import DisplayUnit, decimals, display_unit, in_hours, in_words
from .verification import Verification


@dataclass(frozen=True)
class Part:
    """What the report says and shows of one variable; pictures are ``data:`` addresses."""

    section: Section
    summary: str
    curves: str
    maps: str


def render(verification: Verification, example: Sequence[State]) -> str:
    """Render the report of a verification as HTML, with its provenance in a comment at the end.

    Parameters
    ----------
    verification
        What to report.
    example
        The states of the forecast to draw, from :attr:`Verification.typical_start` or another date.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("anemoi_plugin_verification", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    evaluation = verification.evaluation
    made = verification.provenance
    page = environment.get_template("report.html").render(
        parts=list(_parts(verification, example)),
        variables=evaluation.variables,
        starts=len(evaluation.starts),
        first=in_words(evaluation.starts[0]),
        last=in_words(evaluation.starts[-1]),
        lead=in_hours(evaluation.lead_times[-1]),
        example=in_words(example[0].start),
        period=_period(verification.period),
        training=verification.training and _period(verification.training),
        is_independent=verification.is_independent,
        climatology=verification.climatology,
        climatology_period=_period(Period(verification.climatology.start, verification.climatology.end)),
        grid=verification.source.grid,
        checkpoint=verification.checkpoint,
        data=verification.source.provenance,
        made=made,
    )
    content = hashlib.sha256(page.encode()).hexdigest()
    return page + trailer(made, f"sha256:{content}", comment=("<!-- ", " -->")).decode()


def _period(period: Period) -> str:
    return f"{in_words(period.start)} to {in_words(period.end)}"


def _parts(verification: Verification, example: Sequence[State]) -> Iterator[Part]:
    evaluation, source = verification.evaluation, verification.source
    raster = Raster(source.grid)
    states = _some(example, evaluation)
    truth = read_fields(source, evaluation.variables, [state.valid_time for state in states])
    for v, (variable, section) in enumerate(zip(evaluation.variables, sections(evaluation), strict=True)):
        unit = display_unit(evaluation.units.get(variable))
        cases = [
            Case(
                lead_time=in_hours(state.lead_time),
                valid=in_words(state.valid_time),
                truth=truth[k, :, v] * unit.factor,
                forecast=state.fields[..., v].astype(np.float64).mean(axis=0) * unit.factor,
            )
            for k, state in enumerate(states)
        ]
        yield Part(
            section=section,
            summary=summary(evaluation, variable, unit),
            curves=_data_address("image/svg+xml", svg(error_growth(evaluation, variable))),
            maps=_data_address("image/png", png(comparison(raster, cases, unit.label))),
        )


def _some(example: Sequence[State], evaluation: Evaluation) -> list[State]:
    """Take the first, a middle and the last of the states of the lead times that were scored."""
    states = [state for state in example if state.lead_time in evaluation.lead_times]
    if not states:
        raise DataError("The forecast that is to be drawn has none of the lead times that were scored.")
    return [states[k] for k in sorted({0, (len(states) - 1) // 2, len(states) - 1})]


def summary(evaluation: Evaluation, variable: str, unit: DisplayUnit) -> str:
    """Say in words how one variable came out."""
    scores = [score for score in evaluation.scores() if score.variable == variable]
    day = min(scores, key=lambda score: abs(score.lead_time - np.timedelta64(24, "h")))
    places = decimals([day.rmse[MODEL] * unit.factor])

    def error(who: str) -> str:
        return f"{day.rmse[who] * unit.factor:.{places}f} {unit.label}".strip()

    return (
        f"At {in_hours(day.lead_time)} the root-mean-square error is {error(MODEL)}, "
        f"{_compared(day.skill[PERSISTENCE])} that of persistence ({error(PERSISTENCE)}) and "
        f"{_compared(day.skill[CLIMATOLOGY])} that of climatology ({error(CLIMATOLOGY)}). "
        f"The forecast is closer to the truth than persistence for {day.starts_better_than_persistence} "
        f"of {len(evaluation.starts)} start dates. {_reach(scores)}"
    )


def _compared(skill: float) -> str:
    if not np.isfinite(skill):
        return "not comparable to"
    percent = round(100 * skill)
    return f"{abs(percent)} % {'below' if percent > 0 else 'above'}" if percent else "level with"


def _reach(scores: Sequence[Score]) -> str:
    """Up to which lead time the model is better than both references without a break."""
    best = None
    for score in scores:
        if not score.rmse[MODEL] < min(score.rmse[PERSISTENCE], score.rmse[CLIMATOLOGY]):
            break
        best = score.lead_time
    if best is None:
        return "At the first lead time it is not better than both."
    if best == scores[-1].lead_time:
        return f"It is better than both at every lead time up to {in_hours(best)}, the longest."
    return f"It is better than both up to {in_hours(best)}, and not beyond."


def _data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
