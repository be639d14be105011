"""A small forecast, described and made by hand."""

import numpy as np
import pytest
from anemoi.core.interfaces import ForecastDescription, State

from .making import HOUR, START, rows_and_columns


@pytest.fixture
def describe():
    def describe_(*variables, members=1, grid=None, hours=(6, 12, 18)):
        described = ForecastDescription(
            start=START,
            lead_times=np.array(hours) * HOUR,
            members=members,
            variables=(),
            grid=grid or rows_and_columns([60, 0, -60], [0, 120, 240]),
            units={},
            provenance={},
            frequency=6 * HOUR,
        )
        return described.with_variables(variables)

    return describe_


@pytest.fixture
def made():
    """What a step makes of fields, ``(members, grid, variables)``, each of one lead time."""

    def made_(step, *fields):
        states = (
            State(START, lead, np.asarray(each, np.float32))
            for lead, each in zip(step.before.lead_times, fields, strict=False)
        )
        return [step.apply(state) for state in states]

    return made_
