"""What the variables of a training are for."""

import numpy as np
import pytest
from anemoi.core.variable import STATISTICS, Role, Variable

from .memory import Memory

SIX_HOURS = np.timedelta64(6, "h")


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_variable_that_never_changes_is_a_forcing_and_the_statistic_of_no_period(data_of, statistic):
    fields = np.random.default_rng(0).normal(size=(12, 1, 20, 2))
    fields[..., 1] = 3.0
    said = Variable("v1", **{statistic: SIX_HOURS})

    class Known(Memory):
        metadata = property(lambda self: {**super().metadata, "v1": said})

    data, _ = data_of(Known(fields))
    variable = data["data"].domain["v1"]
    assert (variable.role, variable.constant, variable.statistic) == (Role.FORCING, True, None)
    assert said.instantaneous() == Variable("v1")
