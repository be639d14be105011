"""What data sets say of their variables, and what is handed on of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.errors import DataError
from anemoi.core.variable import Role, Variable

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.metadata import LEVEL_TYPES, read_variable, write_variable

from .conftest import TIMES, Make

ROLES = Path(__file__).parent / "data" / "roles.zarr.zip"
SIX = np.timedelta64(6 * 3600, "s")

PROGNOSTIC, FORCING, DIAGNOSTIC = Role.PROGNOSTIC, Role.FORCING, Role.DIAGNOSTIC


def test_what_anemoi_datasets_says_of_each_variable() -> None:
    known = ZarrSource(path=str(ROLES)).metadata
    surface: dict[str, Any] = {"level_type": "surface", "may_be_missing": True}
    pressure = {"units": "K", "level_type": "pressure", "may_be_missing": True}
    computed = {"role": FORCING, "units": "dimensionless", "computed": True}
    assert known == {
        "10fg": Variable("10fg", role=DIAGNOSTIC, units="m s**-1", maximum_over=SIX, **surface),
        "avg_sdswrf": Variable("avg_sdswrf", role=DIAGNOSTIC, units="W m**-2", averaged=SIX, **surface),
        "cos_latitude": Variable("cos_latitude", constant=True, **computed),
        "insolation": Variable("insolation", **computed),
        "lsm": Variable("lsm", role=FORCING, units="1", constant=True, **surface),
        "sst": Variable("sst", units="K", **surface),
        "t_500": Variable("t_500", level=500, **pressure),
        "t_850": Variable("t_850", level=850, **pressure),
        "tp": Variable("tp", role=DIAGNOSTIC, units="m", accumulated=SIX, **surface),
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {}),
        ({"process": "accumulation", "period": [0, 6]}, {"role": DIAGNOSTIC, "accumulated": SIX}),
        ({"process": "accumulation", "period": ["18h", "1d"]}, {"role": DIAGNOSTIC, "accumulated": SIX}),
        ({"process": "accumulation", "period": [6, 6]}, {"role": DIAGNOSTIC}),
        ({"process": "average"}, {"role": DIAGNOSTIC}),
        (
            {"process": "minimum", "period": [0, 6]},
            {"role": DIAGNOSTIC, "minimum_over": SIX},
        ),
        ({"accumulated": True}, {"role": DIAGNOSTIC}),
        ({"accumulated": False}, {}),
        ({"is_constant_in_time": True}, {"role": FORCING, "constant": True}),
        ({"process": "accumulation", "constant_in_time": True}, {"role": FORCING, "constant": True}),
        ({"mars": {"levtype": "pl", "levelist": "850"}}, {"level": 850.0, "level_type": "pressure"}),
        ({"mars": {"levtype": "ml", "levelist": 137}}, {"level": 137.0, "level_type": "model"}),
        ({"mars": {"levtype": "pl", "levelist": [500, 850]}}, {"level_type": "pressure"}),
        ({"mars": {"levtype": "sfc", "levelist": 0}}, {"level_type": "surface"}),
        ({"mars": {"levtype": "o3d", "levelist": 3}}, {"level": 3.0, "level_type": "o3d"}),
        ({"level": 0.51, "level_type": "sigma"}, {"level": 0.51, "level_type": "sigma"}),
        ({"units": None, "mars": {"units": "K"}}, {}),
        ({"mars": {"units": "K"}}, {"units": "K"}),
        ({"role": "forcing"}, {"role": FORCING}),
    ],
)
def test_what_is_said_in_other_words(said: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read_variable("x", said, constant=False, may_be_missing=False) == Variable("x", **expected)


WHOLE = (
    Variable("x"),
    Variable("x", role=FORCING, units="1", computed=True, constant=True),
    Variable("x", role=FORCING, units="1", computed=True),
    Variable("x", role=FORCING, constant=True, level_type="surface"),
    Variable("x", role=FORCING),
    Variable("x", role=DIAGNOSTIC),
    Variable("x", role=DIAGNOSTIC, accumulated=SIX),
    Variable("x", role=DIAGNOSTIC, averaged=4 * SIX),
    Variable("x", role=PROGNOSTIC, averaged=SIX / 12),
    Variable("x", role=FORCING, accumulated=SIX),
    Variable("x", level=0.51, level_type="sigma"),
    Variable("x", level=850),
    *(Variable("x", level_type=word) for word in LEVEL_TYPES.values()),
    *(Variable("x", level=850, level_type=word) for word in LEVEL_TYPES.values() if word != "surface"),
)


@pytest.mark.parametrize("variable", WHOLE)
def test_what_is_written_is_read(variable: Variable) -> None:
    assert read_variable("x", write_variable(variable), constant=False, may_be_missing=False) == variable


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ({}, set()),
        ({"allow_nans": False}, set()),
        ({"allow_nans": True}, {"t", "q"}),
        ({"allow_nans": ["q"]}, {"q"}),
        ({"allow_nans": True, "variables_with_nans": ["t"]}, {"t"}),
        ({"allow_nans": True, "variables_with_nans": []}, set()),
    ],
)
def test_which_variables_may_be_missing(make: Make, attributes: dict[str, Any], missing: set[str]) -> None:
    known = ZarrSource(path=str(make(attributes))).metadata
    assert {name for name, variable in known.items() if variable.may_be_missing} == missing


def test_older_data_sets_have_flags(make: Make) -> None:
    path = make({"allow_nans": True}, {"has_nans": np.array([False, True])})
    known = ZarrSource(path=str(path)).metadata
    assert [variable.may_be_missing for variable in known.values()] == [False, True]


def test_older_data_sets_list_constants_alone(make: Make) -> None:
    known = ZarrSource(path=str(make({"constant_fields": ["q"]}))).metadata
    assert known["q"] == Variable("q", role=FORCING, units="kg kg-1", constant=True)
    assert known["t"] == Variable("t", units="K")


PERIOD = {"statistics_start_date": "2020-01-31T06:00:00", "statistics_end_date": "2020-01-31T18:00:00"}


def test_when_the_statistics_are_of(make: Make) -> None:
    assert ZarrSource(path=str(make(PERIOD))).statistics_period == (TIMES[1], TIMES[3])


@pytest.mark.parametrize(
    "attributes",
    [{}, {**PERIOD, "statistics_end_date": None}, {**PERIOD, "statistics_start_date": "2019-01-01T00:00:00"}],
)
def test_statistics_of_other_dates_have_no_period(make: Make, attributes: dict[str, Any]) -> None:
    assert ZarrSource(path=str(make(attributes))).statistics_period is None


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({**PERIOD, "statistics_end_date": "2020-01-31T00:00:00"}, "statistics_end_date.*before the start"),
        ({**PERIOD, "statistics_end_date": "soon"}, "statistics_end_date' is malformed"),
        (
            {"variables_metadata": {"t": {"computed_forcing": True, "role": "diagnostic"}}},
            "variables_metadata",
        ),
        ({"variables_metadata": {"t": {"role": "main"}}}, "variables_metadata' is malformed"),
        ({"variables_metadata": {"t": {"process": "average", "period": ["a", "b"]}}}, "variables_metadata"),
        ({"variables_with_nans": 3}, "variables_with_nans' is malformed"),
        ({"constant_fields": [3]}, "constant_fields' is malformed"),
    ],
)
def test_what_is_malformed_is_named(make: Make, attributes: dict[str, Any], named: str) -> None:
    with pytest.raises(DataError, match=named):
        ZarrSource(path=str(make(attributes)))


def _zarr(**options: Any) -> dict[str, Any]:
    return {"name": "zarr", "path": str(ROLES), **options}


def _open(name: str = "zarr", **options: Any) -> Any:
    return config.build("source", {"name": name, **options} if name != "zarr" else _zarr(**options))


WITHIN = (np.datetime64("2020-02-27T00", "s"), np.datetime64("2020-02-27T12", "s"))


@pytest.mark.parametrize(
    ("options", "period"),
    [
        ({}, WITHIN),
        ({"select": ["tp", "sst"]}, WITHIN),
        ({"end": "2020-02-27T12"}, WITHIN),
        ({"end": "2020-02-27T06"}, None),
        ({"start": "2020-02-27T06"}, None),
        ({"frequency": "12h"}, None),
        ({"frequency": "6h"}, WITHIN),
        ({"thinning": 2}, None),
        ({"thinning": 1}, WITHIN),
        ({"area": [60, 0, 0, 90]}, None),
        ({"fill_missing_dates": "closest"}, WITHIN),
    ],
)
def test_statistics_of_a_part_are_known_only_if_they_are_those(
    options: dict[str, Any], period: tuple[np.datetime64, np.datetime64] | None
) -> None:
    assert _open(**options).statistics_period == period


def test_variables_take_along_what_is_known_of_them() -> None:
    whole, part = _open(), _open(select=["tp", "t_850"], rename={"tp": "rain"})
    assert part.metadata == {
        "rain": replace(whole.metadata["tp"], name="rain"),
        "t_850": whole.metadata["t_850"],
    }
    assert part.units == {"rain": "m", "t_850": "K"}
    places = [whole.variables.index(name) for name in ("tp", "t_850")]
    for name, values in vars(part.changes[SIX]).items():
        np.testing.assert_array_equal(values, getattr(whole.changes[SIX], name)[places])


def test_a_subset_of_a_foreign_source_hands_on_all() -> None:
    whole, part = _open(), _open("subset", source=_zarr(), select=["lsm"])
    assert part.metadata == {"lsm": whole.metadata["lsm"]}
    assert part.statistics_period == WITHIN
    assert list(part.changes) == [SIX]


def test_times_that_are_filled_with_nans_may_be_missing(make: Make) -> None:
    path = str(make({"missing_dates": [str(TIMES[1])]}))
    for method, missing in (("nans", True), ("mean", False)):
        known = ZarrSource(path=path, fill_missing_dates=method).metadata
        assert {variable.may_be_missing for variable in known.values()} == {missing}


def test_joined_variables_are_those_of_the_last() -> None:
    whole = _open()
    other = _zarr(select=["sst"], rename={"sst": "tp"})
    joined = _open("join", sources=[_zarr(select=["lsm", "tp"]), other])
    assert joined.metadata == {
        "lsm": whole.metadata["lsm"],
        "tp": replace(whole.metadata["sst"], name="tp"),
    }
    assert joined.statistics_period == WITHIN
    place = whole.variables.index("sst")
    assert joined.statistics.mean[1] == whole.statistics.mean[place]
    assert joined.changes[SIX].stdev[1] == whole.changes[SIX].stdev[place]


def test_joined_statistics_of_several_periods_have_none(make: Make, tmp_path: Path) -> None:
    path = make(PERIOD).rename(tmp_path / "one.zarr")
    one, other = ({"name": "zarr", "path": str(path), "select": [name]} for name in ("t", "q"))
    assert _open("join", sources=[one, other]).statistics_period == (TIMES[1], TIMES[3])
    other = {"name": "subset", "source": other, "thinning": 1, "frequency": "6h"}
    assert _open("join", sources=[one, other]).statistics_period == (TIMES[1], TIMES[3])
    unknown = {"name": "zarr", "path": str(make()), "select": ["q"]}
    assert _open("join", sources=[one, unknown]).statistics_period is None


def test_what_one_part_is_the_whole_may_be(make: Make, tmp_path: Path) -> None:
    first = make({**PERIOD, "constant_fields": ["t", "q"]})
    later = first.rename(tmp_path / "first.zarr")
    second = make({"variables_with_nans": ["q"], "constant_fields": ["q"]}, {"dates": TIMES + 6 * SIX})
    names = [{"name": "zarr", "path": str(path)} for path in (later, second)]
    whole = _open("concat", sources=names)
    assert whole.metadata["t"] == Variable("t", units="K")
    assert whole.metadata["q"] == Variable(
        "q", role=FORCING, units="kg kg-1", constant=True, may_be_missing=True
    )
    # The statistics are those of the first, which lie within.
    assert whole.statistics_period == (TIMES[1], TIMES[3])


def test_constants_that_differ_from_part_to_part_are_not_constant(make: Make, tmp_path: Path) -> None:
    first = make({"constant_fields": ["q"]}).rename(tmp_path / "first.zarr")
    arrays = {"dates": TIMES + 6 * SIX, "mean": np.array([1.0, 2.1])}
    second = make({"constant_fields": ["q"]}, arrays)
    whole = _open("concat", sources=[{"name": "zarr", "path": str(path)} for path in (first, second)])
    assert whole.metadata["q"] == Variable("q", role=FORCING, units="kg kg-1")


def test_accumulations_over_other_periods_are_not_put_together(make: Make, tmp_path: Path) -> None:
    def said(hours: int) -> dict[str, Any]:
        return {"variables_metadata": {"q": {"process": "accumulation", "period": [0, hours]}}}

    first = make(said(6)).rename(tmp_path / "first.zarr")
    second = make(said(1), {"dates": TIMES + 6 * SIX})
    with pytest.raises(
        DataError,
        match=r"differ in their periods: \{'q': 'accumulated over 6h'\}, but \{'q': 'accumulated over 1h'\}",
    ):
        _open("concat", sources=[{"name": "zarr", "path": str(path)} for path in (first, second)])


def test_a_cutout_has_statistics_of_one_part_alone() -> None:
    data = ROLES.parent
    parts = [{"name": "zarr", "path": str(data / f"{name}.zarr.zip")} for name in ("region", "gapless")]
    whole = _open("cutout", sources=parts)
    assert whole.statistics_period is None
    assert whole.metadata == _open("subset", source=parts[0]).metadata
