"""Options that are wrong, and sources that do not go together, are named; options work on any source."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.errors import AbsentError, AnemoiError, ConfigError, DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics, Times

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.views.concat import ConcatSource
from anemoi_plugin_zarr.views.join import JoinSource
from anemoi_plugin_zarr.views.merge import MergeSource
from anemoi_plugin_zarr.views.overlap import Overlap, covered
from anemoi_plugin_zarr.views.subset import SubsetSource

from .conftest import DATA, LATITUDES, LONGITUDES, TIMES, Make

HERE = Path(__file__).parent / "data"


class Foreign(DataSource):
    """What the tests' data set holds, from something that knows neither views nor Zarr."""

    variables = ("t", "q")
    times: Times = TIMES
    frequency = np.timedelta64(6, "h")
    grid = Grid(LATITUDES, LONGITUDES, (2, 2))
    statistics = Statistics(*(np.array([a, a + 1.0]) for a in (1, 3, 5, 7)))
    missing = frozenset({TIMES[3]})
    provenance: Mapping[str, Any] = {"identity": "foreign"}
    units: Mapping[str, str] = {"t": "K"}

    def read(self, times: Sequence[np.datetime64] | Times) -> np.ndarray:
        return DATA[np.searchsorted(self.times, times)].transpose(0, 2, 3, 1)


def test_options_work_on_any_source() -> None:
    part = SubsetSource(source=Foreign(), start="2020-01-31T06", select=["q"], area=[90, 100, 0, 200])
    assert (part.variables, part.units, part.missing) == (("q",), {}, {TIMES[3]})
    np.testing.assert_array_equal(part.read(TIMES[[4, 1]]), DATA[[4, 1], 1][:, :, [1], None])
    filled = SubsetSource(source=Foreign(), fill_missing_dates="interpolate")
    np.testing.assert_allclose(filled.read(TIMES[[3]]), DATA[[2, 4]].mean(axis=0)[None].transpose(0, 2, 3, 1))


def test_a_time_that_is_wanted_twice_is_read_once_of_any_source(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    read = Foreign.read
    monkeypatch.setattr(
        Foreign, "read", lambda self, times: asked.append(np.asarray(times)) or read(self, times)
    )
    part = SubsetSource(source=Foreign(), select=["q"])
    part.read(TIMES[:1])  # and with it how many members there are
    asked.clear()
    wanted = [1, 2, 2, 4, 1]
    np.testing.assert_array_equal(part.read(TIMES[wanted]), DATA[wanted][:, [1]].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(np.concatenate(asked), TIMES[[1, 2, 4]])


def test_sources_of_any_kind_are_joined(make: Make) -> None:
    ours = {"name": "zarr", "path": str(make()), "rename": {"t": "u", "q": "v"}}
    joined = JoinSource(sources=[ours, Foreign()], select=["q", "u"])
    np.testing.assert_array_equal(joined.read(TIMES[:2]), DATA[:2, [1, 0]].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(joined)).read(TIMES[:2]), joined.read(TIMES[:2]))


def test_what_is_made_of_data_names_them_as_parents(make: Make) -> None:
    path = str(make())
    whole, part = ZarrSource(path=path), ZarrSource(path=path, select=["q"])
    assert part.provenance["identity"] not in (
        whole.provenance["identity"],
        ZarrSource(path=path, select=["t"]).provenance["identity"],
    )
    assert part.provenance["parents"] == [whole.provenance]
    assert part.provenance["derivation"] == {"select": ["q"]}
    assert part.provenance == ZarrSource(path=path, select=["q"]).provenance


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strat": "2020"}, r"unknown option.*'?start'?|strat"),
        ({"select": "t"}, "select"),
        ({"select": ["t", "w"]}, "select: .* has no variable 'w'"),
        ({"select": ["t", "t"]}, "select: t is named twice"),
        ({"select": []}, "select: no variable is named"),
        ({"drop": ["w"]}, "drop: .* has no variable 'w'"),
        ({"drop": ["t", "q"]}, "drop: no variable is left"),
        ({"reorder": ["q"]}, "reorder: it leaves out t"),
        ({"reorder": "backwards"}, "reorder"),
        ({"rename": {"w": "x"}}, "rename: .* has no variable 'w'"),
        ({"rename": {"t": "q"}}, "rename: two variables would be called q"),
        ({"start": "soon"}, "start: 'soon' is not a date"),
        ({"end": "2020-13"}, "end: '2020-13' is not a date"),
        ({"start": "2021"}, "no times from 2021-01-01T00"),
        ({"end": "2019"}, "no times from"),
        ({"frequency": "often"}, "frequency: 'often' is not a duration"),
        ({"frequency": "9h"}, "every 6h, from which 9h cannot be had"),
        ({"frequency": "3h"}, "every 6h, from which 3h cannot be had"),
        ({"area": [50, 0, 40]}, "area"),
        ({"area": [-50, 0, 40, 10]}, r"area: \[-50(\.0)?, 0(\.0)?, 40(\.0)?, 10(\.0)?\] is no area"),
        ({"area": [10, 10, 0, 20]}, "no point in the area"),
        ({"trim_edge": -1}, "trim_edge"),
        ({"trim_edge": [1, 1, 1]}, "trim_edge"),
        ({"trim_edge": 99}, "trim_edge 99 leaves none"),
        ({"thinning": 0}, "thinning"),
        ({"fill_missing_dates": "zero"}, "fill_missing_dates"),
    ],
)
def test_a_wrong_option_is_named(make: Make, options: dict[str, Any], named: str) -> None:
    with pytest.raises(AnemoiError, match=named) as error:
        config.build("source", {"name": "zarr", "path": str(make()), **options})
    assert error.value.exit_code in (2, 3, 4)


def test_fields_without_rows_and_columns_are_neither_thinned_nor_trimmed(make: Make) -> None:
    path = str(make({"field_shape": [4]}))
    with pytest.raises(AnemoiError, match="cannot be thinned"):
        ZarrSource(path=path, thinning=2)
    with pytest.raises(AnemoiError, match="no rows and columns to trim"):
        ZarrSource(path=path, trim_edge=1)


GAPLESS = Path(__file__).parent / "data" / "gapless.zarr.zip"  # 7 rows and 12 columns


@pytest.mark.parametrize(
    ("edge", "rows", "columns"),
    [(0, (0, 7), (0, 12)), (2, (2, 5), (2, 10)), ([1, 2, 3, 4], (1, 5), (3, 8))],
)
def test_edges_are_trimmed_by_rows_and_columns(edge: Any, rows: Any, columns: Any) -> None:
    whole, trimmed = ZarrSource(path=str(GAPLESS)), ZarrSource(path=str(GAPLESS), trim_edge=edge)
    kept = np.arange(84).reshape(7, 12)[slice(*rows), slice(*columns)]
    assert trimmed.grid.field_shape == kept.shape
    np.testing.assert_array_equal(trimmed.grid.latitudes, whole.grid.latitudes[kept.ravel()])
    np.testing.assert_array_equal(trimmed.grid.longitudes, whole.grid.longitudes[kept.ravel()])
    np.testing.assert_array_equal(
        trimmed.read(whole.times[:2]), whole.read(whole.times[:2])[:, :, kept.ravel()]
    )


def test_the_edges_of_an_area_over_greenwich_are_those_of_the_area() -> None:
    area = [90.0, -70.0, -90.0, 70.0]
    grid = ZarrSource(path=str(GAPLESS), area=area, trim_edge=[0, 0, 1, 0]).grid
    assert sorted(set(grid.longitudes.tolist())) == [0.0, 30.0, 60.0, 330.0]


@pytest.mark.parametrize(
    ("how", "options", "named"),
    [
        ("join", [{}, {"frequency": "12h"}], "differ in their times: .* every 6h, but .* every 12h"),
        ("join", [{}, {"thinning": 2}], "differ in their grid: 84 points, but 24 points"),
        ("join", [], "there are no sources"),
        ("concat", [{"end": "2020-02-27"}, {"start": "2020-02-27T18"}], "begins at 2020-02-27T18, before"),
        ("concat", [{"end": "2020-02-27"}, {"start": "2020-02-28T06"}], "but .* begins at 2020-02-28T06"),
        ("concat", [{"end": "2020-02-27"}, {"start": "2020-02-28", "drop": ["u"]}], "in their variables"),
        ("cutout", [{}], "there is one source"),
        ("cutout", [{}, {"end": "2020-02-27"}], "differ in their times"),
        ("subset", [{"select": ["w"]}], "has no variable 'w'"),
    ],
)
def test_sources_that_do_not_go_together_are_named(
    how: str, options: list[dict[str, Any]], named: str
) -> None:
    parts = [{"name": "zarr", "path": str(HERE / "gapless.zarr.zip"), **each} for each in options]
    spec = {"source": parts[0]} if how == "subset" else {"sources": parts}
    with pytest.raises(AnemoiError, match=named) as error:
        config.build("source", {"name": how, **spec})
    assert error.value.exit_code in (2, 4)


def test_units_that_differ_are_refused(make: Make) -> None:
    later = Foreign()
    later.times, later.missing = TIMES + np.timedelta64(36, "h"), frozenset()
    later.units = {"t": "degC"}
    with pytest.raises(AnemoiError, match="differ in their units"):
        ConcatSource(sources=[{"name": "zarr", "path": str(make())}, later])


def test_gaps_are_missing_times(make: Make) -> None:
    later = Foreign()
    later.times, later.missing = TIMES + np.timedelta64(48, "h"), frozenset()
    whole = ConcatSource(sources=[ZarrSource(path=str(make())), later], fill_missing_gaps=True)
    gap = TIMES[-1] + np.array([6, 12], dtype="m8[h]")
    assert whole.missing == frozenset(gap)
    with pytest.raises(AnemoiError, match="are missing"):
        whole.read(gap)


def test_what_cannot_be_filled_stays_missing(make: Make) -> None:
    path = str(make({"missing_dates": [str(TIMES[0]), str(TIMES[2])]}))
    source = ZarrSource(path=path, fill_missing_dates="interpolate")
    assert source.missing == {TIMES[0]}
    np.testing.assert_array_equal(
        ZarrSource(path=path, fill_missing_dates="closest").read(TIMES[[0, 2]]),
        DATA[[1, 3]].transpose(0, 2, 3, 1),
    )


def test_nans_are_refused_where_there_should_be_none(make: Make) -> None:
    data = DATA.copy()
    data[2, 1, 0, 3] = np.nan
    path = str(make({"allow_nans": False}, data=data))
    source = ZarrSource(path=path)
    assert np.isfinite(source.read(TIMES[:2])).all()
    with pytest.raises(AnemoiError, match="2020-01-31T12 have NaNs, but its attribute 'allow_nans'"):
        source.read(TIMES)
    assert np.isfinite(ZarrSource(path=path, select=["t"]).read(TIMES)).all()


def test_what_a_region_covers_needs_scipy_and_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    places = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    with pytest.raises(AbsentError, match=r'pip install "anemoi-plugin-zarr\[regions\]"'):
        covered([Grid(*places), Grid(*places)], Overlap())


def merged(*sources: DataSource, **options: Any) -> MergeSource:
    return MergeSource(sources=list(sources), **options)


def test_states_are_merged_from_several_sources_at_the_times_that_all_have() -> None:
    # The same points from the south, and of its times every second.
    other = Other(DATA + 500.0)
    both = merged(SubsetSource(source=Foreign(), select=["q"]), SubsetSource(source=other, rename={"q": "r"}))
    assert both.variables == ("q", "t", "r")
    np.testing.assert_array_equal(both.times, TIMES[[2, 4]])
    assert (both.frequency, both.missing) == (np.timedelta64(12, "h"), frozenset())
    np.testing.assert_array_equal(both.grid.latitudes, LATITUDES)
    read = both.read(TIMES[[4, 2]])
    np.testing.assert_array_equal(read[..., 0], DATA[[4, 2], 1])
    np.testing.assert_array_equal(read[..., 1], DATA[[4, 2], 0] + 500.0)
    copy = pickle.loads(pickle.dumps(both))
    np.testing.assert_array_equal(copy.read(TIMES[[2]]), both.read(TIMES[[2]]))
    part = merged(
        SubsetSource(source=Foreign(), select=["q"]),
        SubsetSource(source=other, drop=["q"]),
        area=[90, 0, 0, 360],
    )
    np.testing.assert_array_equal(part.read(TIMES[[2]])[..., 1], DATA[[2], 0][..., :2] + 500.0)


def test_a_variable_of_two_sources_is_chosen_or_refused() -> None:
    other = Other(DATA + 500.0)
    with pytest.raises(DataError, match=r"t in 1 .* and in 2 .*; q in 1 ") as told:
        merged(Foreign(), other)
    assert "choices={t: 1, q: 1}" in str(told.value)
    both = merged(Foreign(), other, choices={"t": 2, "q": 1})
    read = both.read(TIMES[[2]])
    np.testing.assert_array_equal(read[..., both.variables.index("t")], DATA[[2], 0] + 500.0)
    np.testing.assert_array_equal(read[..., both.variables.index("q")], DATA[[2], 1])
    with pytest.raises(ConfigError, match="r is chosen of source 1, which does not have it"):
        merged(Foreign(), other, choices={"r": 1})


def test_sources_without_a_time_or_a_point_in_common_are_not_merged() -> None:
    early = SubsetSource(source=Foreign(), end=str(TIMES[1]), select=["q"])
    with pytest.raises(NotThereError, match=r"no time that all sources have: .* every 12h"):
        merged(early, SubsetSource(source=Other(DATA), select=["t"]))
    elsewhere = Other(DATA)
    elsewhere.grid = Grid(LATITUDES + 1.0, LONGITUDES, (2, 2))
    with pytest.raises(DataError, match="not those of the first source"):
        merged(SubsetSource(source=Foreign(), select=["q"]), SubsetSource(source=elsewhere, select=["t"]))


class Other(Foreign):
    """Every second time of the same, with the rows in the other order."""

    times: Times = TIMES[2::2]
    frequency = np.timedelta64(12, "h")
    grid = Grid(LATITUDES[[2, 3, 0, 1]], LONGITUDES, (2, 2))
    missing = frozenset()
    provenance: Mapping[str, Any] = {"identity": "other"}

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def read(self, times: Sequence[np.datetime64] | Times) -> np.ndarray:
        at = np.searchsorted(TIMES, times)
        return self.data[at].transpose(0, 2, 3, 1)[:, :, [2, 3, 0, 1]]
