"""The skill table: what the terminal and the report both show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from rich import box
from rich.table import Table

from .evaluation import CLIMATOLOGY, FORECASTERS, MODEL, PERSISTENCE, Evaluation, Score
from .units import decimals, display_unit, in_hours, long_name


@dataclass(frozen=True)
class Row:
    """One lead time of one variable, in words; ``better`` says whether the model beats persistence."""

    lead_time: str
    rmse: dict[str, str]
    skill: dict[str, str]
    acc: str
    bias: str
    better: bool
    wins: str


@dataclass(frozen=True)
class Section:
    """One variable: its name, short and long, the unit of its errors, and a row for each lead time."""

    variable: str
    name: str
    unit: str
    rows: list[Row]


def sections(evaluation: Evaluation) -> Iterator[Section]:
    """Put the scores of each variable into words."""
    for variable, group in groupby(evaluation.scores(), key=lambda score: score.variable):
        scores = list(group)
        unit = display_unit(evaluation.units.get(variable))
        places = decimals(score.rmse[MODEL] * unit.factor for score in scores)
        rows = [_row(score, unit.factor, places, len(evaluation.starts)) for score in scores]
        yield Section(variable, long_name(variable), unit.label, rows)


def _row(score: Score, factor: float, places: int, starts: int) -> Row:
    return Row(
        lead_time=in_hours(score.lead_time),
        rmse={who: f"{score.rmse[who] * factor:.{places}f}" for who in FORECASTERS},
        skill={who: _number(100 * skill, "+.0f", " %") for who, skill in score.skill.items()},
        acc=_number(score.acc[MODEL], ".3f"),
        bias=_number(score.bias[MODEL] * factor, f"+.{places}f"),
        better=score.rmse[MODEL] < score.rmse[PERSISTENCE],
        wins=f"{score.starts_better_than_persistence} of {starts}",
    )


def _number(value: float, form: str, unit: str = "") -> str:
    if not np.isfinite(value):
        return "–"  # noqa: RUF001
    text = f"{value:{form}}"
    return (text if float(text) else text[1:]) + unit  # zero has no sign


_HEADINGS = (
    "lead\ntime",
    "RMSE\nmodel",
    "persis-\ntence",
    "clima-\ntology",
    "skill on\npersist.",
    "skill on\nclimatol.",
    "\nACC",
    "\nbias",
)


def terminal_tables(evaluation: Evaluation) -> Iterator[Table]:
    """Lay the skill table of each variable out for a terminal of eighty columns."""
    for section in sections(evaluation):
        title = f"{section.variable} ({section.unit})" if section.unit else section.variable
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        for row in section.rows:
            table.add_row(
                row.lead_time,
                f"[bold]{row.rmse[MODEL]}[/]" if row.better else row.rmse[MODEL],
                row.rmse[PERSISTENCE],
                row.rmse[CLIMATOLOGY],
                row.skill[PERSISTENCE],
                row.skill[CLIMATOLOGY],
                row.acc,
                row.bias,
            )
        yield table
