"""Variables, domains and the times of a step: what may be said, and how it is written down."""

import dataclasses
import json

import numpy as np
import pytest

from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

HOUR = np.timedelta64(3600, "s")


def statistics(count):
    return Statistics(*np.arange(4.0 * count).reshape(4, count))


def domain(*variables, points=3, **about):
    count = len(variables)
    return Domain(
        **{
            "variables": tuple(each if isinstance(each, Variable) else Variable(each) for each in variables),
            "grid": Grid(np.linspace(-60.0, 60.0, points), np.linspace(0.0, 90.0, points)),
            "frequency": 6 * HOUR,
            "statistics": statistics(count),
            "changes": statistics(count),
            **about,
        }
    )


VARIABLES = [
    Variable("t"),
    Variable("t_850", units="K", level=850.0, level_type="pressure"),
    Variable("tp", Role.DIAGNOSTIC, units="m", accumulated=6 * HOUR),
    Variable("flux", Role.DIAGNOSTIC, averaged=np.timedelta64(90, "m")),
    Variable("sst", Role.FORCING, may_be_missing=True),
    Variable("lsm", Role.FORCING, constant=True),
    Variable("insolation", Role.FORCING, computed=True),
    Variable("cos_latitude", Role.FORCING, computed=True, constant=True),
]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_variable_is_the_same_when_it_was_written_and_read(variable):
    assert Variable.from_dict(json.loads(json.dumps(variable.to_dict()))) == variable


def test_what_is_written_of_a_variable_leaves_out_defaults():
    assert Variable("t").to_dict() == {"name": "t", "role": "prognostic"}
    assert VARIABLES[2].to_dict() == {"name": "tp", "role": "diagnostic", "units": "m", "accumulated": "6h"}
    assert VARIABLES[3].to_dict()["averaged"] == "90m"


@pytest.mark.parametrize(("role", "comes_in", "goes_out"), [
    (Role.PROGNOSTIC, True, True), (Role.FORCING, True, False), (Role.DIAGNOSTIC, False, True),
])  # fmt: skip
def test_the_role_says_whether_a_variable_comes_in_or_goes_out(role, comes_in, goes_out):
    variable = Variable("x", role)
    assert (variable.is_input, variable.is_output) == (comes_in, goes_out)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"accumulated": HOUR, "averaged": HOUR}, "x cannot be both accumulated and averaged"),
        ({"computed": True}, "x is computed, so it is a forcing and not prognostic"),
        ({"computed": True, "role": Role.DIAGNOSTIC}, "x is computed, so it is a forcing and not diagnostic"),
    ],
)
def test_a_variable_that_contradicts_itself(about, said):
    with pytest.raises(DataError, match=said):
        Variable("x", **about)


@pytest.mark.parametrize(
    "values", [{"name": "x"}, {"name": "x", "role": "moon"}, {"name": "x", "role": "forcing", "hue": 1}]
)
def test_what_is_no_variable_is_not_read_as_one(values):
    with pytest.raises((KeyError, ValueError, TypeError)):
        Variable.from_dict(values)


def test_a_domain_sorts_its_variables_by_role():
    """In the order of the variables, each time."""
    whole = domain(*VARIABLES[::-1])
    assert whole.names == tuple(variable.name for variable in VARIABLES[::-1])
    assert whole.prognostic == ("t_850", "t")
    assert whole.diagnostic == ("flux", "tp")
    assert whole.forcings == ("cos_latitude", "insolation", "lsm", "sst")
    assert whole.fixed == ("cos_latitude", "insolation", "lsm")
    assert whole.inputs == ("cos_latitude", "insolation", "lsm", "sst", "t_850", "t")
    assert whole.outputs == ("flux", "tp", "t_850", "t")
    assert whole.columns(("t", "cos_latitude", "tp")) == [7, 0, 5]
    assert whole["tp"] is VARIABLES[2]
    assert whole.units == {"t_850": "K", "tp": "m"}


def test_statistics_of_some_variables():
    some = statistics(4)[[2, 0]]
    assert [list(values) for values in vars(some).values()] == [[2, 0], [6, 4], [10, 8], [14, 12]]


@pytest.mark.parametrize(
    ("variables", "about", "said"),
    [
        (("a", "b", "a"), {}, "names a more than once"),
        (("a", "b"), {"statistics": statistics(3)}, r"statistics of a domain of 2 .* mean of shape \(3,\)"),
        (
            ("a", "b"),
            {"changes": dataclasses.replace(statistics(2), maximum=np.zeros(1))},
            r"changes of a domain of 2 .* maximum of shape \(1,\)",
        ),
        (("a",), {"constants": {"b": np.zeros(3, np.float32)}}, r"b has constant or missing values"),
        (("a",), {"constants": {"a": np.zeros(4, np.float32)}}, r"a has .* shape \(4,\), .* on 3 points"),
        (("a",), {"missing": {"a": np.zeros(2, bool)}}, r"a has .* shape \(2,\), .* on 3 points"),
    ],
)
def test_a_domain_whose_parts_do_not_fit(variables, about, said):
    with pytest.raises(DataError, match=said):
        domain(*variables, **about)


def steps(inputs, outputs, step=6, interval=6):
    return Steps(
        inputs=tuple(hours * HOUR for hours in inputs),
        outputs=tuple(hours * HOUR for hours in outputs),
        step=step * HOUR,
        interval=interval * HOUR,
    )


@pytest.mark.parametrize(
    ("inputs", "outputs", "step", "said"),
    [
        ((0, -6), (6,), 6, "inputs of a step are not in order of time"),
        ((0, 0), (6,), 6, "inputs of a step are not in order of time"),
        ((0,), (12, 6), 12, "outputs of a step are not in order of time"),
        ((), (6,), 6, "must take at least one state"),
        ((0,), (6,), 0, "cannot take 0h"),
        ((0,), (6,), -6, "cannot take -6h"),
    ],
)
def test_steps_that_are_none(inputs, outputs, step, said):
    with pytest.raises(ConfigError, match=said):
        steps(inputs, outputs, step)


@pytest.mark.parametrize(
    ("inputs", "outputs", "step", "count", "hours"),
    [
        ((-6, 0), (6,), 6, 1, (-6, 0, 6)),
        ((-6, 0), (6,), 6, 3, (-6, 0, 6, 12, 18)),
        ((-6, 0), (6, 12), 12, 2, (-6, 0, 6, 12, 18, 24)),
        ((0, 6), (1, 2, 5), 6, 2, (0, 1, 2, 5, 6, 7, 8, 11, 12)),
        ((0,), (), 6, 2, (0, 6)),
    ],
)
def test_the_window_has_each_time_of_some_steps_once(inputs, outputs, step, count, hours):
    assert steps(inputs, outputs, step).window(count) == tuple(hour * HOUR for hour in hours)


def test_a_derived_domain_has_what_is_known_of_the_variables_it_comes_from():
    sea = np.array([True, False, False])
    whole = domain(
        "t",
        Variable("lsm", Role.FORCING, constant=True),
        Variable("tp", Role.DIAGNOSTIC),
        Variable("sst", may_be_missing=True),
        constants={"lsm": np.array([1.0, 0.0, 0.5], dtype=np.float32)},
        missing={"sst": sea},
        measured={"tp": np.ones((2, 4))},
    )
    derived = whole.derived(
        [
            ("sst", Variable("noised_sst", Role.FORCING)),
            ("lsm", whole["lsm"]),
            ("tp", Variable("clean_tp", Role.DIAGNOSTIC)),
            ("sst", Variable("clean_sst", Role.DIAGNOSTIC)),
        ]
    )
    assert (derived.inputs, derived.outputs) == (("noised_sst", "lsm"), ("clean_tp", "clean_sst"))
    np.testing.assert_array_equal(derived.statistics.mean, whole.statistics.mean[[3, 1, 2, 3]])
    np.testing.assert_array_equal(derived.changes.stdev, whole.changes.stdev[[3, 1, 2, 3]])
    np.testing.assert_array_equal(derived.constants["lsm"], whole.constants["lsm"])
    assert set(derived.missing) == {"noised_sst", "clean_sst"}
    np.testing.assert_array_equal(derived.missing["clean_sst"], sea)
    assert set(derived.measured) == {"clean_tp"}
    assert derived.grid is whole.grid
