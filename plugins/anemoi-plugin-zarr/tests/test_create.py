"""Making data sets: exact, resumable, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, DataError, ResourceError
from anemoi.core.variable import Role, Variable

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.creation import Recipe, StatisticsPeriod, create, read_recipe
from anemoi_plugin_zarr.creation.journal import CreationJournal
from anemoi_plugin_zarr.dataset import Dataset
from anemoi_plugin_zarr.layout import tendency

from .conftest import ARRAYS, DATA, TIMES, Make


def recipe(path: Path, **options: Any) -> Recipe:
    about = {name: options.pop(name) for name in list(options) if name in Recipe.__dataclass_fields__}
    return Recipe(data={"name": "zarr", "path": str(path), **options}, **about)


def partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def interrupted(path: Path, target: Path, **how: Any) -> None:
    """Begin to make a data set, and stop at the fourth date."""

    def stop(creation: Any) -> None:
        if creation.written == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(how.pop("recipe", recipe(path)), target, progress=stop, **how)


@pytest.mark.parametrize("workers", [1, 2])
def test_holds_what_the_source_holds(make: Make, tmp_path: Path, workers: int) -> None:
    path = make({"missing_dates": [str(TIMES[1])]})
    made = create(
        recipe(path, start="2020-01-31T06", statistics=StatisticsPeriod(end="2020-02-01"), licence="MIT"),
        tmp_path / "out.zarr",
        workers=workers,
    )
    source, theirs = ZarrSource(path=str(made)), ZarrSource(path=str(path), start="2020-01-31T06")
    there = np.setdiff1d(theirs.times, TIMES[[1]])
    np.testing.assert_array_equal(source.read(there), theirs.read(there))
    np.testing.assert_array_equal(source.times, theirs.times)
    assert (source.variables, source.units, source.missing) == (("t", "q"), dict(theirs.units), {TIMES[1]})
    assert source.grid.field_shape == (2, 2)
    assert source.provenance["parents"][0]["identity"] == theirs.provenance["identity"]
    assert (source.provenance["licence"], source.provenance["attribution"]) == ("MIT", "A test")
    assert list(tmp_path.glob(".*")) == []


def test_statistics_are_those_of_the_training_period_alone(make: Make, tmp_path: Path) -> None:
    data = (1e5 + np.random.default_rng(0).normal(size=DATA.shape)).astype("f4")
    path = make(data=data)
    made = create(
        recipe(path, statistics=StatisticsPeriod(start="2020-01-31T06", end="2020-01-31")),
        tmp_path / "out.zarr",
    )
    values = data[1:4].astype("longdouble").transpose(1, 0, 2, 3).reshape(2, -1)
    statistics = ZarrSource(path=str(made)).statistics
    np.testing.assert_allclose(statistics.mean, values.mean(axis=1), rtol=1e-15)
    np.testing.assert_allclose(statistics.stdev, values.std(axis=1), rtol=2e-12)
    np.testing.assert_array_equal(statistics.minimum, values.min(axis=1))
    np.testing.assert_array_equal(statistics.maximum, values.max(axis=1))


@pytest.mark.parametrize("run", [1, 2, 16])
def test_the_statistics_of_changes_are_those_of_the_training_period_too(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    monkeypatch.setattr("anemoi_plugin_zarr.creation.reading_back._RUN", run)
    data = (1e5 + np.random.default_rng(0).normal(size=DATA.shape)).astype("f4")
    data[4, 1, 2, 3] = np.nan
    path = make({"missing_dates": [str(TIMES[2])]}, data=data)
    period = StatisticsPeriod(start="2020-01-31T06")
    made = create(recipe(path, statistics=period, allow_nans=True), tmp_path / "out.zarr")
    # The first time is before the period, and the third is missing.
    values = np.stack([data[i].astype("longdouble") - data[i - 1] for i in (4, 5)])
    values = values.transpose(1, 0, 2, 3).reshape(2, -1)
    ((step, changes),) = ZarrSource(path=str(made)).changes.items()
    assert step == np.timedelta64(6, "h")
    np.testing.assert_allclose(changes.mean, np.nanmean(values, axis=1), rtol=1e-14)
    np.testing.assert_allclose(changes.stdev, np.nanstd(values, axis=1), rtol=1e-14)
    np.testing.assert_array_equal(changes.minimum, np.nanmin(values, axis=1).astype("f8"))
    np.testing.assert_array_equal(changes.maximum, np.nanmax(values, axis=1).astype("f8"))


def test_one_time_has_no_changes(make: Make, tmp_path: Path) -> None:
    made = create(recipe(make(), statistics=StatisticsPeriod(end="2020-01-31T00")), tmp_path / "out.zarr")
    assert ZarrSource(path=str(made)).changes == {}
    assert not list(made.glob("statistics_tendencies*"))


@pytest.mark.parametrize(
    ("minutes", "name"), [(10, "10m"), (360, "6h"), (1440, "1d"), (2160, "36h"), (2880, "2d")]
)
def test_changes_have_the_names_that_anemoi_datasets_gives_them(minutes: int, name: str) -> None:
    duration = np.timedelta64(minutes * 60, "s")
    assert tendency(duration, "mean") == f"statistics_tendencies_{name}_mean"


def test_an_interrupted_creation_goes_on_where_it_was(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = make(), tmp_path / "out.zarr"
    interrupted(path, target)
    assert not target.exists()
    with pytest.raises(DataError, match="attribute 'variables' is missing"):
        Dataset(str(partial(target)))
    read: list[np.datetime64] = []
    original = ZarrSource.read
    monkeypatch.setattr(ZarrSource, "read", lambda self, times: read.extend(times) or original(self, times))
    create(recipe(path), target)
    # What was on its way to the disk when it was interrupted, got there.
    assert len(read) <= len(TIMES) - 3
    assert read == list(TIMES[len(TIMES) - len(read) :])
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), DATA.transpose(0, 2, 3, 1))


def test_another_recipe_does_not_go_on_with_what_is_there(make: Make, tmp_path: Path) -> None:
    path, target = make(), tmp_path / "out.zarr"
    interrupted(path, target)
    with pytest.raises(DataError, match="unfinished data set of another recipe, source, variables"):
        create(recipe(path, select=["q"]), target)
    create(recipe(path, select=["q"]), target, overwrite=True)
    assert ZarrSource(path=str(target)).variables == ("q",)


def test_what_is_to_be_overwritten_is_begun_anew_and_then_gone_on_with(make: Make, tmp_path: Path) -> None:
    path, target = make(), tmp_path / "out.zarr"
    create(recipe(path, select=["q"]), target)
    seen: list[int] = []

    def stop(creation: Any) -> None:
        seen.append(creation.written)
        if creation.written == 3:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            create(recipe(path), target, overwrite=True, progress=stop)
    assert seen == [0, 1, 2, 3] * 2
    assert ZarrSource(path=str(target)).variables == ("q",)
    create(recipe(path), target, progress=lambda creation: seen.append(creation.written))
    assert min(seen[8:]) >= 3
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), DATA.transpose(0, 2, 3, 1))
    with pytest.raises(DataError, match="exists already"):
        create(recipe(path), target)


@pytest.mark.parametrize("overwrite", [False, True])
def test_it_stays_locked_while_it_is_written(make: Make, tmp_path: Path, overwrite: bool) -> None:
    path, target = make(), tmp_path / "out.zarr"
    interrupted(path, target)

    def intrude(creation: Any) -> None:
        with pytest.raises(DataError, match="Another process is writing"):
            create(recipe(path), target, overwrite=True)

    create(recipe(path), target, overwrite=overwrite, progress=intrude)
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), DATA.transpose(0, 2, 3, 1))


def test_two_do_not_write_the_same(make: Make, tmp_path: Path) -> None:
    path, target = make(), tmp_path / "out.zarr"
    with (
        CreationJournal(partial(target)).lock(),
        pytest.raises(DataError, match="Another process is writing"),
    ):
        create(recipe(path), target)


def test_later_times_are_appended(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, target = make(), tmp_path / "out.zarr"
    create(recipe(path, end="2020-01-31"), target)
    with pytest.raises(DataError, match="exists already"):
        create(recipe(path), target)
    interrupted(path, target, append=True)
    assert len(ZarrSource(path=str(target)).times) == 4
    create(recipe(path), target, append=True)
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), DATA.transpose(0, 2, 3, 1))
    whole = create(recipe(path), tmp_path / "whole.zarr")
    step = np.timedelta64(6, "h")
    for one, other in (
        (ZarrSource(path=str(target)).statistics, ZarrSource(path=str(whole)).statistics),
        (ZarrSource(path=str(target)).changes[step], ZarrSource(path=str(whole)).changes[step]),
    ):
        for name, values in vars(other).items():
            np.testing.assert_array_equal(getattr(one, name), values)
    with pytest.raises(DataError, match="cannot be appended to: the source has other variables"):
        create(recipe(path, select=["t"]), target, append=True)


def test_nans_are_refused_unless_the_recipe_allows_them(make: Make, tmp_path: Path) -> None:
    data = DATA.copy()
    data[2, 1, 0, 3] = np.nan
    path, target = make(data=data), tmp_path / "out.zarr"
    with pytest.raises(DataError, match=r"NaN at 2020-01-31T12: q 8\.33%"):
        create(recipe(path), target)
    assert not target.exists()
    create(recipe(path, allow_nans=True), target, overwrite=True)
    assert np.isnan(ZarrSource(path=str(target)).read(TIMES)).sum() == 1


def test_a_disk_that_is_full_is_one_error_and_the_rest_goes_on(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = make(), tmp_path / "out.zarr"
    original = CreationJournal.record

    def full(self: CreationJournal, date: int, *rest: Any) -> None:
        if date == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, date, *rest)

    monkeypatch.setattr(CreationJournal, "record", full)
    with pytest.raises(DataError, match=r"out\.zarr cannot be written: No space left on device"):
        create(recipe(path), target)
    assert not target.exists()
    monkeypatch.undo()
    create(recipe(path), target)
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(TIMES), DATA.transpose(0, 2, 3, 1))


def test_what_the_disk_lost_is_noticed(make: Make, tmp_path: Path) -> None:
    path, target = make(), tmp_path / "out.zarr"
    interrupted(path, target)
    (partial(target) / "data" / "1.0.0.0").unlink()
    with pytest.raises(DataError, match="does not hold what was written for 2020-01-31T06"):
        create(recipe(path), target)
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("data: {name: zarr, path: a.zarr}\nlicense: CC0\n", "license.*licence"),
        ("data: {name: zarr, path: a.zarr, strat: 2020}\n", "strat"),
        ("data: {name: zarr, path: a.zarr, thinning: many}\n", "thinning"),
        ("statistics: {end: 2020}\n", "data"),
        ("data: zarr\n", "data"),
        ("data: {name: zarr, path: a.zarr}\nallow_nans: perhaps\n", "allow_nans"),
        ("data: {name: zarr, path: a.zarr\n", "not YAML"),
        ("data: {name: zar, path: a.zarr}\n", "zar"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(AnemoiError, match=f"(?s){named}") as error:
        read_recipe(path)
    assert error.value.exit_code == 2


def test_a_recipe_of_several_sources(make: Make, tmp_path: Path) -> None:
    path = make()
    file = tmp_path / "recipe.yaml"
    one = {"name": "zarr", "path": str(path), "select": ["q"]}
    other = {"name": "zarr", "path": str(path), "select": ["t"], "rename": {"t": "x"}}
    file.write_text(json.dumps({"data": {"name": "join", "sources": [one, other]}, "description": "Both"}))
    made = ZarrSource(path=str(create(read_recipe(file), tmp_path / "out.zarr")))
    np.testing.assert_array_equal(made.read(TIMES), DATA[:, ::-1].transpose(0, 2, 3, 1))
    assert (made.variables, made.provenance["description"]) == (("q", "x"), "Both")


def children(process: int) -> Iterator[int]:
    for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield int(pid)
        yield from children(int(pid))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_killed_in_the_middle_it_leaves_nothing_that_passes_for_whole_and_goes_on(
    make: Make, tmp_path: Path
) -> None:
    dates = 400
    times = TIMES[0] + np.arange(dates) * np.timedelta64(6, "h")
    data = np.random.default_rng(0).normal(280.0, size=(dates, 2, 1, 4)).astype("f4")
    path, target = make(arrays={**ARRAYS, "dates": times}, data=data), tmp_path / "out.zarr"
    command = [str(Path(sys.executable).with_name("anemoi")), "data", "create"]
    command += ["zarr", f"path={path}", str(target), "--workers", "2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    journal = CreationJournal(partial(target))
    try:
        while len(journal.written()) < 20:
            assert process.poll() is None
            time.sleep(0.01)
        workers = list(children(process.pid))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not target.exists()
    with pytest.raises(DataError, match="is missing"):
        ZarrSource(path=str(partial(target)))
    assert len(workers) >= 2
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until, "the workers are still there"
        time.sleep(0.05)
    before = journal.written()
    assert 20 <= len(before) < dates
    stamps = {date: (partial(target) / "creation" / f"{date}.npy").stat().st_mtime_ns for date in before}
    seen: list[int] = []

    def watch(creation: Any) -> None:
        if not seen:
            places = {date: partial(target) / "creation" / f"{date}.npy" for date in before}
            assert stamps == {date: place.stat().st_mtime_ns for date, place in places.items()}
        seen.append(creation.written)

    create(recipe(path), target, progress=watch)
    assert seen == list(range(len(before), dates + 1))
    np.testing.assert_array_equal(ZarrSource(path=str(target)).read(times), data.transpose(0, 2, 3, 1))


SST, LSM, TP = range(3)


def of_all_kinds(make: Make, **attributes: Any) -> Path:
    """A data set of sea-surface temperature, a land-sea mask and precipitation, which says little of them."""
    data = np.random.default_rng(0).normal(size=(6, 3, 1, 4)).astype("f4")
    data[:, SST, :, 2:] = np.nan
    data[:, LSM] = [0.0, 0.0, 1.0, np.nan]
    said = {"tp": {"units": "m", "process": "accumulation", "period": [0, 6]}}
    known = {"variables": ["sst", "lsm", "tp"], "variables_metadata": said, "allow_nans": True}
    arrays = {name: np.arange(3.0) for name in ("mean", "stdev", "minimum", "maximum")}
    return make({**known, **attributes}, arrays, data)


def test_what_never_changes_and_what_has_nans_is_found(make: Make, tmp_path: Path) -> None:
    # Constants are those of all dates, whatever the statistics are of.
    how = {"allow_nans": True, "statistics": StatisticsPeriod(end="2020-01-31T06")}
    made = create(recipe(of_all_kinds(make), **how), tmp_path / "out.zarr")
    six = np.timedelta64(6 * 3600, "s")
    source = ZarrSource(path=str(made))
    assert source.metadata == {
        "sst": Variable("sst", may_be_missing=True),
        "lsm": Variable("lsm", role=Role.FORCING, constant=True, may_be_missing=True),
        "tp": Variable("tp", role=Role.DIAGNOSTIC, units="m", accumulated=six),
    }
    assert source.statistics_period == (TIMES[0], TIMES[1])
    attributes = json.loads((made / ".zattrs").read_text())
    assert attributes["constant_fields"] == ["lsm"]
    assert attributes["variables_with_nans"] == attributes["allow_nans"] == ["sst", "lsm"]


@pytest.mark.parametrize("variable", [LSM, SST])
@pytest.mark.parametrize("value", [5.0, np.nan])
def test_what_changes_once_is_not_constant(make: Make, tmp_path: Path, variable: int, value: float) -> None:
    path = of_all_kinds(make, constant_fields=["lsm"])
    file = path / "data" / "5.0.0.0"
    state = np.frombuffer(file.read_bytes(), dtype="f4").reshape(3, 1, 4).copy()
    state[variable, 0, 0] = value
    file.write_bytes(state.tobytes())
    made = create(recipe(path, allow_nans=True), tmp_path / "out.zarr")
    assert ZarrSource(path=str(made)).metadata["lsm"].constant is (variable != LSM)
    assert ZarrSource(path=str(made)).metadata["lsm"].role is Role.FORCING  # as the source says


def test_of_one_date_constants_are_those_of_the_source(make: Make, tmp_path: Path) -> None:
    path = of_all_kinds(make, constant_fields=["lsm"])
    made = create(recipe(path, allow_nans=True, end="2020-01-31T00"), tmp_path / "out.zarr")
    assert [v.constant for v in ZarrSource(path=str(made)).metadata.values()] == [False, True, False]


def test_without_nans_none_may_be_missing(make: Make, tmp_path: Path) -> None:
    made = create(recipe(make({"allow_nans": True}), allow_nans=True), tmp_path / "out.zarr")
    attributes = json.loads((made / ".zattrs").read_text())
    assert (attributes["variables_with_nans"], attributes["allow_nans"]) == ([], False)


def test_what_is_known_of_variables_is_written(tmp_path: Path) -> None:
    """What a data set of anemoi-datasets says is in its copy, but for what its NaNs may be."""
    data = Path(__file__).parent / "data" / "roles.zarr.zip"
    made = create(recipe(data, allow_nans=True), tmp_path / "out.zarr")
    expected = {
        name: replace(variable, may_be_missing=name == "sst")
        for name, variable in ZarrSource(path=str(data)).metadata.items()
    }
    assert ZarrSource(path=str(made)).metadata == expected


def stores(path: Path) -> dict[str, bytes]:
    """What is in a data set, but for its own attributes: the identity and the time of its making."""
    files = (file for file in path.rglob("*") if file.is_file() and file != path / ".zattrs")
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def test_on_a_dask_cluster_it_is_the_same_to_the_byte(make: Make, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    path = make({"missing_dates": [str(TIMES[1])]})
    alone = create(recipe(path), tmp_path / "alone.zarr")
    # A scheduler that was there before, with workers that write at the same time.
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        interrupted(path, tmp_path / "cluster.zarr", dask_scheduler=address)
        both = create(recipe(path), tmp_path / "cluster.zarr", dask_scheduler=address)
    assert stores(both) == stores(alone)
    with pytest.raises(ResourceError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        create(recipe(path), tmp_path / "none.zarr", dask_scheduler="tcp://127.0.0.1:9")


def test_processes_of_a_local_cluster_do_the_same(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    path = make()
    alone = create(recipe(path), tmp_path / "alone.zarr")
    both = create(recipe(path), tmp_path / "local.zarr", dask=True, workers=2)
    assert stores(both) == stores(alone)


def test_what_a_lost_worker_had_to_write_others_write(make: Make, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    dates = 60
    times = TIMES[0] + np.arange(dates) * np.timedelta64(6, "h")
    data = np.random.default_rng(0).normal(280.0, size=(dates, 2, 1, 4)).astype("f4")
    path = make(arrays={**ARRAYS, "dates": times}, data=data)
    alone = create(recipe(path), tmp_path / "alone.zarr")
    lost: list[int] = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:

        def lose(creation: Any) -> None:
            if creation.written == 5:
                lost.append(next(iter(cluster.workers.values())).pid)
                os.kill(lost[0], signal.SIGKILL)

        both = create(
            recipe(path), tmp_path / "lost.zarr", dask_scheduler=cluster.scheduler_address, progress=lose
        )
    assert lost
    assert stores(both) == stores(alone)


def test_errors_on_a_cluster_are_those_of_one_process(make: Make, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    data = DATA.copy()
    data[2, 1, 0, 3] = np.nan
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        pytest.raises(DataError, match=r"NaN at 2020-01-31T12: q 8\.33%") as told,
    ):
        create(recipe(make(data=data)), tmp_path / "out.zarr", dask_scheduler=cluster.scheduler_address)
    assert "--allow-nans" in str(told.value)


def test_filters_are_done_one_after_the_other(make: Make, tmp_path: Path) -> None:
    said = {
        "t_850": {"units": "K", "mars": {"levtype": "pl", "levelist": 850}},
        "msl": {"units": "Pa", "mars": {"levtype": "sfc"}},
    }
    data = DATA + 280.0
    path = make({"variables": ["t_850", "msl"], "variables_metadata": said}, data=data)
    filters = [
        {"area": [90, 0, 0, 360], "units": {"msl": "hPa"}},
        {"units": {"t_850": "degC"}, "levels": [850]},
    ]
    made = ZarrSource(path=str(create(recipe(path, filters=filters), tmp_path / "out.zarr")))
    assert (dict(made.units), len(made.grid)) == ({"t_850": "degC", "msl": "hPa"}, 2)
    read = made.read(TIMES)
    north = data[..., :2]
    np.testing.assert_array_equal(read[..., 0], (north[:, 0].astype("f8") - 273.15).astype("f4"))
    np.testing.assert_array_equal(read[..., 1], (north[:, 1].astype("f8") / 100).astype("f4"))
    np.testing.assert_allclose(made.statistics.mean, read.astype("f8").mean(axis=(0, 1, 2)))
    assert made.provenance["recipe"]["filters"] == filters
    for wrong, told in (
        ({"units": {"t_850": "Pa"}}, "t_850 is in K, which cannot be converted to Pa"),
        ({"units": {"x": "Pa"}}, "no variable 'x'"),
        ({"levels": [500]}, "none at 500"),
        ({"area": [1]}, "area"),
        ({"colour": 1}, "colour"),
    ):
        with pytest.raises(AnemoiError, match=told):
            create(recipe(path, filters=[wrong]), tmp_path / "wrong.zarr")


def test_statistics_are_converted_with_the_values(make: Make) -> None:
    path = make({"variables_metadata": {"t": {"units": "K"}, "q": {}}})
    one, other = ZarrSource(path=str(path)), ZarrSource(path=str(path), units={"t": "degC"})
    for name, shift in (("mean", -273.15), ("stdev", 0.0), ("minimum", -273.15), ("maximum", -273.15)):
        before, after = (getattr(each.statistics, name) for each in (one, other))
        np.testing.assert_allclose(after, before + np.array([shift, 0.0]))
