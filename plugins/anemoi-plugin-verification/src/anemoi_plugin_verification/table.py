"""The skill table: what the terminal and the report both show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from rich import box
from rich.table import Table

from .scores import (
    CLIMATE_ENSEMBLE,
    CLIMATOLOGY,
    LAGGED_ENSEMBLE,
    MODEL,
    PERSISTENCE,
    RMSE,
    Evaluation,
    Score,
    Values,
)
from .units import DisplayUnit, decimals, display_unit, in_hours, long_name


@dataclass(frozen=True)
class Row:
    """One lead time of one variable, in words.

    Parameters
    ----------
    lead_time
        When.
    errors
        Of each metric of which the lower value is better, by name, the value of each forecaster.
    others
        Of each other metric, by name, the value of the model.
    skill
        Of the model on each reference.
    better
        Whether the model beats persistence, by the root-mean-square error.
    wins
        For how many start dates it does.
    """

    lead_time: str
    errors: dict[str, dict[str, str]]
    others: dict[str, str]
    skill: dict[str, str]
    better: bool
    wins: str

    @property
    def rmse(self) -> dict[str, str]:
        """The root-mean-square error of each forecaster."""
        return self.errors[RMSE]


@dataclass(frozen=True)
class Section:
    """One variable: its name, short and long, the unit of its errors, and a row for each lead time."""

    variable: str
    name: str
    unit: str
    rows: list[Row]


def is_error(values: Values) -> bool:
    """Whether a metric is shown for all forecasters: where it is the better, the lower it is."""
    return values.metric.better == "lower"


def sections(evaluation: Evaluation) -> Iterator[Section]:
    """Put the scores of each variable into words."""
    for variable, group in groupby(evaluation.scores(), key=lambda score: score.variable):
        scores = list(group)
        unit = display_unit(evaluation.units.get(variable))
        forms = {name: _form(evaluation, name, scores, unit) for name in evaluation.metrics}
        rows = [_row(evaluation, score, unit, forms) for score in scores]
        yield Section(variable, long_name(variable), unit.label, rows)


def _form(evaluation: Evaluation, name: str, scores: list[Score], unit: DisplayUnit) -> str:
    """How numbers of one metric are written: all of them with as many decimals as the smallest needs."""
    metric = evaluation.metrics[name].metric
    if not metric.in_units:
        return ".3f"
    # What has the units of an error, but may be about zero, is written as precisely as the error.
    measure = name if metric.better == "lower" else RMSE
    places = decimals(score.values[measure][MODEL] * unit.factor for score in scores)
    return f"{'+' if metric.better == 'nearer' and metric.perfect == 0 else ''}.{places}f"


def _row(evaluation: Evaluation, score: Score, unit: DisplayUnit, forms: dict[str, str]) -> Row:
    errors, others = {}, {}
    for name, values in evaluation.metrics.items():
        factor = unit.factor if values.metric.in_units else 1.0
        shown = {who: _number(value * factor, forms[name]) for who, value in score.values[name].items()}
        if is_error(values):
            errors[name] = shown
        else:
            others[name] = shown[MODEL]
    return Row(
        lead_time=in_hours(score.lead_time),
        errors=errors,
        others=others,
        skill={who: _number(100 * skill, "+.0f", " %") for who, skill in score.skill.items()},
        better=score.rmse[MODEL] < score.rmse[PERSISTENCE],
        wins=f"{score.starts_better_than_persistence} of {len(evaluation.starts)}",
    )


def _number(value: float, form: str, unit: str = "") -> str:
    if not np.isfinite(value):
        return "–"  # noqa: RUF001
    text = f"{value:{form}}"
    return (text if float(text) else text.lstrip("+-")) + unit  # zero has no sign


_RMSE_HEADINGS = (
    "lead\ntime",
    "RMSE\nmodel",
    "persis-\ntence",
    "clima-\ntology",
    "skill on\npersist.",
    "skill on\nclimatol.",
)
_FORECASTERS = {
    MODEL: "\nmodel",
    PERSISTENCE: "persis-\ntence",
    CLIMATOLOGY: "clima-\ntology",
    CLIMATE_ENSEMBLE: "climat.\nensemble",
    LAGGED_ENSEMBLE: "lagged\nensemble",
}
_SHORT = {"acc": "\nACC", "spread-skill": "spread\n/ error", "rank-histogram": "rank\nhistogr."}
_NAMES = {"crps": "CRPS", "energy-score": "energy score", "brier": "Brier score"}


def terminal_tables(evaluation: Evaluation) -> Iterator[Table]:
    """Lay the skill tables of each variable out for a terminal of eighty columns."""
    for section in sections(evaluation):
        variable = f"{section.variable} ({section.unit})" if section.unit else section.variable
        first = section.rows[0]
        yield _terminal_table(
            variable,
            [*_RMSE_HEADINGS, *(_SHORT.get(name, f"\n{name}") for name in first.others)],
            [[*_rmse_cells(row), *row.others.values()] for row in section.rows],
        )
        for name in (name for name in first.errors if name != RMSE):
            of = variable if evaluation.metrics[name].metric.in_units else section.variable
            yield _terminal_table(
                f"{_NAMES.get(name, name)} of {of}",
                ["lead\ntime", *(_FORECASTERS.get(who, who) for who in evaluation.forecasters)],
                [[row.lead_time, *row.errors[name].values()] for row in section.rows],
            )


def _rmse_cells(row: Row) -> list[str]:
    model = f"[bold]{row.rmse[MODEL]}[/]" if row.better else row.rmse[MODEL]
    skill = (row.skill[PERSISTENCE], row.skill[CLIMATOLOGY])
    return [row.lead_time, model, row.rmse[PERSISTENCE], row.rmse[CLIMATOLOGY], *skill]


def _terminal_table(title: str, headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
