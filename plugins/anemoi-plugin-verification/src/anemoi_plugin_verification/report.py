"""The report: one HTML file that needs nothing else, neither network nor script."""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import State
from anemoi.core.trailer import trailer

from .charts import error_growth, svg, training_curves
from .ensemble_charts import ensemble_charts, plume_chart
from .evaluation import STANDARD
from .fields import read_fields
from .maps import Case, comparison, png
from .metric import Array
from .period import Period
from .plumes import plume_at, typical_point
from .raster import Raster
from .scores import CLIMATOLOGY, MODEL, PERSISTENCE, RMSE, Evaluation, Score
from .stamps import stamps
from .table import Section, is_error, sections
from .training_record import TrainingRecord
from .units import DisplayUnit, decimals, display_unit, in_hours, in_words, long_name
from .verification import Verification, VerifiedDomain


@dataclass(frozen=True)
class VariablePart:
    """What the report says and shows of one variable; pictures are ``data:`` addresses."""

    section: Section
    summary: str
    curves: str
    maps: str
    ensemble: Sequence[Picture]


@dataclass(frozen=True)
class Picture:
    """A ``data:`` address, and what it shows in words."""

    address: str
    shows: str


@dataclass(frozen=True)
class DomainParts:
    """What the report says and shows of one domain; ``title`` is empty where there is only one."""

    title: str
    parts: list[VariablePart]
    climatology: str
    grid: Grid
    data: Mapping[str, Any]

    def heading(self, text: str) -> str:
        """A heading, with the domain where there are several."""
        return f"{text}: {self.title}" if self.title else text


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
    made = verification.provenance
    evaluations = [domain.evaluation for domain in verification.domains.values()]
    metrics = evaluations[0].metrics
    page = environment.get_template("report.html").render(
        domains=[_domain(verification, name, example) for name in verification.domains],
        variables=[variable for evaluation in evaluations for variable in evaluation.variables],
        forecasters=evaluations[0].forecasters,
        others=[name for name, values in metrics.items() if not is_error(values)],
        errors=[name for name, values in metrics.items() if is_error(values) and name != RMSE],
        described={
            name: (inspect.getdoc(type(values.metric)) or "").partition("\n\n")[0]
            for name, values in metrics.items()
            if name not in STANDARD
        },
        starts=len(verification.starts),
        first=in_words(verification.starts[0]),
        last=in_words(verification.starts[-1]),
        lead=in_hours(max(evaluation.lead_times[-1] for evaluation in evaluations)),
        example=in_words(example[0].start),
        period=_period(verification.period),
        area=verification.area,
        training=verification.training and _period(verification.training),
        is_independent=verification.is_independent,
        checkpoint=verification.checkpoint,
        course=_course(verification.checkpoint),
        made=made,
    )
    content = hashlib.sha256(page.encode()).hexdigest()
    return page + trailer(made, f"sha256:{content}", comment=("<!-- ", " -->")).decode()


@dataclass(frozen=True)
class Course:
    """How the training went: a picture, what it shows in words, and why there is none where it is empty."""

    curves: str
    told: str


def _course(checkpoint: Checkpoint) -> Course:
    try:
        record = TrainingRecord.beside(checkpoint.path)
    except DataError as error:
        return Course("", f"The curves of the training are left out: {error.what}.")
    if record.best is None:
        told = (
            "There was no validation: give dates.validation.start to see whether a training fits too closely."
        )
    else:
        lowest, (last, end) = (
            record.validation_losses.min(),
            (record.validation_losses[-1], record.validated[-1]),
        )
        told = (
            f"The validation loss is lowest at step {record.best:,} ({lowest:.4g}), whose weights are in "
            "best.safetensors"
        )
        told += (
            "." if record.best == end else f", and {last:.4g} at the last validation, at step {int(end):,}."
        )
    return Course(_data_address("image/svg+xml", svg(training_curves(record))), told)


def _period(period: Period) -> str:
    return f"{in_words(period.start)} to {in_words(period.end)}"


def _domain(verification: Verification, name: str, example: Sequence[State]) -> DomainParts:
    verified = verification.domains[name]
    normal = verified.climatology
    if normal is None:
        told = f"left out, because {verified.why_without}"
    else:
        cycle = ", for each time of day" if normal.has_daily_cycle else ""
        told = f"the mean of {_period(Period(normal.start, normal.end))}{cycle}"
    return DomainParts(
        title=name if len(verification.domains) > 1 else "",
        parts=list(_parts(verified, [state for state in example if state.domain == name])),
        climatology=told,
        grid=verified.source.grid,
        data=verified.source.provenance,
    )


def _parts(verified: VerifiedDomain, example: Sequence[State]) -> Iterator[VariablePart]:
    evaluation, source = verified.evaluation, verified.source
    raster = Raster(source.grid)
    states = _some(example, evaluation)
    members = len(states[0].fields)
    times = [state.valid_time for state in states]
    truth = read_fields(source, evaluation.variables, times, may_be_missing=evaluation.variables)
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
        yield VariablePart(
            section=section,
            summary=summary(evaluation, variable, unit),
            curves=_data_address("image/svg+xml", svg(error_growth(evaluation, variable))),
            maps=_data_address("image/png", png(comparison(raster, cases, unit.label))),
            ensemble=list(_ensemble(verified, example, v, raster, truth[-1, :, v])) if members > 1 else [],
        )


def _ensemble(
    verified: VerifiedDomain, example: Sequence[State], v: int, raster: Raster, truth: Array
) -> Iterator[Picture]:
    """Charts of the ensemble of one variable, its plume, and maps of its members at the last lead time."""
    evaluation, variable = verified.evaluation, verified.evaluation.variables[v]
    unit, name = display_unit(evaluation.units.get(variable)), long_name(variable)
    if (charts := ensemble_charts(evaluation, variable)) is not None:
        shows = f"Ensemble scores of {name}: spread and error, CRPS, reliability and ranks"
        yield Picture(_data_address("image/svg+xml", svg(charts)), shows)
    states = [state for state in example if state.lead_time in evaluation.lead_times]
    point = typical_point(states[-1].fields[..., v])
    plume = plume_at(verified.source, variable, states, v, point, unit.factor)
    yield Picture(
        _data_address("image/svg+xml", svg(plume_chart(plume, unit.label))),
        f"Members, their mean and the truth of {name} at {plume.place} by lead time",
    )
    members = states[-1].fields[..., v].astype(np.float64) * unit.factor
    when = f"{in_hours(states[-1].lead_time)}, valid {in_words(states[-1].valid_time)}"
    drawn = stamps(raster, truth * unit.factor, members, unit.label, when)
    yield Picture(_data_address("image/png", png(drawn)), f"Maps of the truth and of members of {name}")


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

    with_climatology = np.isfinite(day.rmse[CLIMATOLOGY])
    normal = f"{_compared(day.skill[CLIMATOLOGY])} that of climatology ({error(CLIMATOLOGY)})"
    return (
        f"At {in_hours(day.lead_time)} the root-mean-square error is {error(MODEL)}, "
        f"{_compared(day.skill[PERSISTENCE])} that of persistence ({error(PERSISTENCE)})"
        f"{f' and {normal}' if with_climatology else ''}. "
        f"The forecast is closer to the truth than persistence for {day.starts_better_than_persistence} "
        f"of {len(evaluation.starts)} start dates. {_reach(scores)}"
    )


def _compared(skill: float) -> str:
    if not np.isfinite(skill):
        return "not comparable to"
    percent = round(100 * skill)
    return f"{abs(percent)} % {'below' if percent > 0 else 'above'}" if percent else "level with"


def _reach(scores: Sequence[Score]) -> str:
    """Up to which lead time the model is better than the references without a break."""
    references = [who for who in (PERSISTENCE, CLIMATOLOGY) if np.isfinite(scores[0].rmse[who])]
    these = "both" if len(references) > 1 else "that"
    best = None
    for score in scores:
        if not all(score.rmse[MODEL] < score.rmse[who] for who in references):
            break
        best = score.lead_time
    if best is None:
        return f"At the first lead time it is not better than {these}."
    if best == scores[-1].lead_time:
        return f"It is better than {these} at every lead time up to {in_hours(best)}, the longest."
    return f"It is better than {these} up to {in_hours(best)}, and not beyond."


def _data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
