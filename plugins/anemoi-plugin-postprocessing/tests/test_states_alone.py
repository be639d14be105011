"""Steps that say they look at each state alone do so: a state is the same with and without those before."""

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.variable import Variable

from .making import HOUR, on_pressure

OPTIONS = {
    "accumulate": {},
    "clip": {"lower": {"tp": 0.0}},
    "ensemble": {"spread": True},
    "geopotential-height": {},
    "regrid": {"grid": 60.0},
    "relative-humidity": {},
    "select": {"variables": ["t"]},
    "units": {"to": {"t": "degC"}},
    "wind": {},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_states_alone(name, describe, made):
    about = [("t", "K"), ("q", "kg kg**-1"), ("u", "m s**-1"), ("v", "m s**-1"), ("z", "m**2 s**-2")]
    variables = [on_pressure(*each, 850) for each in about]
    described = describe(*variables, Variable("tp", units="m", accumulated=6 * HOUR), members=2)

    def step():
        return config.build("postprocessor", {"name": name, **OPTIONS[name]}, forecast=described)

    first, second = np.random.default_rng(0).uniform(250, 300, size=(2, 2, 9, 6)).astype("f4")
    _, after = made(step(), first, second)
    (alone,) = made(step(), second)
    assert np.array_equal(after, alone) == (not step().remembers)
    assert step().remembers == (name == "accumulate")
