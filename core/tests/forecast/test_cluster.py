"""Forecasts over a Dask cluster: the same bytes as one after another, whatever becomes of a worker."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections import Counter
from functools import partial

import numpy as np
import pytest

from anemoi.core import plugins
from anemoi.core.checkpoint import load, save
from anemoi.core.cli import main
from anemoi.core.cluster import cluster
from anemoi.core.errors import (
    AbsentError,
    DataError,
    ImplausibleError,
    PluginError,
    RequestError,
    ResourceError,
)
from anemoi.core.forecasting import Destination, prepare
from anemoi.core.forecasting.cluster import Spread, run_on
from anemoi.core.model import ForecastModel

distributed = pytest.importorskip("distributed")

DATES = "2020-01-02T06/2020-01-03T00/6h"
LEAD_TIME = np.timedelta64(24 * 3600, "s")


@pytest.fixture(scope="module")
def workers(tiny_site):
    """A cluster of two processes, which find the plugin of the tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(tiny_site))  # which processes that are spawned take over
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
            distributed.Client(local) as client,
        ):
            yield client


@pytest.fixture
def make(workers, tiny_plugin, checkpoint_file, tmp_path, monkeypatch):
    """Make the forecasts into a directory, here or on the cluster."""

    def make_(
        name, *, on=None, dates=DATES, postprocess=(), source=None, checkpoint=None, watch=(), **options
    ):
        from anemoi.core.times import parse_dates

        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        to = [
            Destination.of("{date}.raw", postprocess=postprocess),
            Destination.of("{date}-{lead_time}.raw", postprocess=["scaled"]),
        ]
        build = plugins.load("source", "tiny") if source is None else source
        batch = prepare(
            load(checkpoint or checkpoint_file), build(), parse_dates(dates), to, LEAD_TIME, **options
        )
        spread = Spread(sources=lambda: {"data": build()}, destinations=to, lead_time=LEAD_TIME)
        return list(run_on(on, batch, spread) if on is not None else batch.run(*watch))

    return make_


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_are_those_of_one_after_another(make, workers, tmp_path):
    make("one")
    made = make("many", on=workers)
    starts = ("2T06", "2T12", "2T18", "3T00")
    assert [task.paths[0] for task in made] == [f"2020-01-0{start}.raw" for start in starts]
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert len(contents(tmp_path / "one")) == 4 * 5


def test_the_forecast_of_a_worker_that_is_lost_is_made_again(make, workers, tmp_path):
    steps = [{"name": "fatal", "marker": str(tmp_path / "killed"), "hours": 18}]
    (tmp_path / "killed").touch()
    make("one", postprocess=steps)
    (tmp_path / "killed").unlink()
    make("many", on=workers, postprocess=steps)
    assert (tmp_path / "killed").exists()  # a worker was
    # Files of earlier lead times were there already, and a part of another: nothing is left of it.
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


@pytest.fixture
def noisy(tiny, tmp_path):
    """A checkpoint whose members differ by what they draw."""
    path = tmp_path / "noisy.safetensors"
    save(path, tiny.checkpoint(tiny.domain("t", "ps"), objective={"name": "noisy"}))
    return path


@pytest.mark.parametrize("of_source", [1, 4], ids=["one-start", "own-starts"])
def test_members_with_seeds_are_made_apart_to_the_same_bytes(make, noisy, workers, tmp_path, of_source):
    options = {
        "checkpoint": noisy,
        "source": partial(plugins.load("source", "tiny"), ensemble=of_source),
        "members": 3,
        "dates": "2020-01-02T06/2020-01-02T12/6h",
        "seed": [4, 2, 9],
    }
    make("one", **options)
    make("many", on=workers, restart=True, **options)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")  # nothing else is left
    # Members differ, and another order of seeds is another forecast.
    make("other", on=workers, **{**options, "seed": [2, 4, 9]})
    assert contents(tmp_path / "other").keys() == contents(tmp_path / "one").keys()
    assert all(
        one != other
        for one, other in zip(
            contents(tmp_path / "one").values(), contents(tmp_path / "other").values(), strict=True
        )
    )


def test_perturbed_members_of_one_seed_are_the_same_bytes_on_a_cluster(make, noisy, workers, tmp_path):
    """In pairs that share random numbers, from an earlier date, and after an interruption."""
    options = {
        "checkpoint": noisy,
        "members": 4,
        "dates": "2020-01-02T06",
        "seed": 5,
        "perturbation": {"name": "shifted", "back": 1, "pairs": True},
    }
    make("one", **options)
    make("many", on=workers, **options)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")

    def stop(forecast, state):
        if state.lead_time == np.timedelta64(12, "h"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make("resumed", watch=[stop], restart=True, **options)
    assert (tmp_path / "resumed" / ".2020-01-02T06.raw.journal").exists()
    make("resumed", on=workers, restart=True, **options)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "one")


def test_networks_that_share_members_make_the_same_bytes_on_a_cluster(make, tiny, workers, tmp_path):
    model = {"name": "tiny-shared", "network": tiny.model}
    path = tmp_path / "shared.safetensors"
    save(path, tiny.checkpoint(tiny.domain("t", "ps"), objective={"name": "noisy"}, model=model))
    options = {"checkpoint": path, "members": 3, "dates": "2020-01-02T06"}
    make("one", **options)
    make("apart", **options, on=workers)
    assert contents(tmp_path / "apart") == contents(tmp_path / "one")


def test_each_member_is_a_job_of_its_own(make, noisy, monkeypatch):
    """On a cluster in this process, which tells which job a step is computed in."""
    jobs, advance = [], ForecastModel.advance

    def recorded(model, inputs, generator):
        jobs.append(distributed.get_worker().get_current_task())
        return advance(model, inputs, generator)

    monkeypatch.setattr(ForecastModel, "advance", recorded)
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        begun = {"name": "shifted", "back": 1}
        make("x", on=client, checkpoint=noisy, members=3, dates="2020-01-02T06", perturbation=begun)
    # Four steps each, and one before the start; whoever puts them together computes nothing again.
    assert sorted(Counter(jobs).values()) == [4, 5, 5]


def test_a_lost_worker_of_members_is_replaced(make, noisy, workers, tmp_path):
    steps = [{"name": "fatal", "marker": str(tmp_path / "killed"), "hours": 18}]
    options = {
        "checkpoint": noisy,
        "members": 2,
        "seed": [4, 2],
        "dates": "2020-01-02T06",
        "postprocess": steps,
    }
    (tmp_path / "killed").touch()
    make("one", **options)
    (tmp_path / "killed").unlink()
    make("many", on=workers, **options)
    assert (tmp_path / "killed").exists()  # a worker was
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_too_few_members_and_values_that_cannot_be_are_told(make, noisy, workers, tmp_path):
    options = {"checkpoint": noisy, "members": 3, "seed": [4, 2, 9], "dates": "2020-01-02T06", "on": workers}
    two = partial(plugins.load("source", "tiny"), ensemble=2)
    with pytest.raises(RequestError, match="2 members, too few for 3"):
        make("few", source=two, **options)
    with pytest.raises(ImplausibleError, match="cannot be right at"):
        make("far", limit=1e-3, **options)
    for folder in ("few", "far"):
        assert not [name for name in contents(tmp_path / folder) if name.startswith(".")]


def test_what_was_interrupted_is_gone_on_with(make, workers, tmp_path):
    make("one")
    make("many", dates="2020-01-02T06", restart=True, on=workers)
    assert contents(tmp_path / "many").keys() < contents(tmp_path / "one").keys()
    for path in (tmp_path / "many").iterdir():
        path.unlink()
    make("many", restart=True, on=workers)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_an_error_of_a_worker_is_raised_here(make, workers, tmp_path):
    (tmp_path / "x").mkdir()

    class Broken(plugins.load("source", "tiny")):
        def read(self, times):
            fields = super().read(times)
            return fields * np.nan if times[-1] >= np.datetime64("2020-01-02T18") else fields

    with pytest.raises(DataError, match="2020-01-02T18 holds values that are not finite"):
        make("x", on=workers, source=Broken)
    names = contents(tmp_path / "x")
    assert {"2020-01-02T06.raw", "2020-01-02T12.raw"} <= set(names)
    assert not [name for name in names if name.startswith(".")]  # no lock, no part


def test_the_command_takes_it(checkpoint_file, tiny_plugin, workers, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["forecast", str(checkpoint_file), "--date", DATES, "--lead-time", "12h", "--json"]
    assert main([*words, "--output", "{date}.raw"]) == 0
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "not used")
    address = workers.scheduler.address
    log = ["--log-json", "log"]
    assert main([*words, "--output", "dask-{date}.raw", "--dask-scheduler", address, *log]) == 0
    capsys.readouterr()
    for path in tmp_path.glob("2020*.raw"):
        assert (tmp_path / f"dask-{path.name}").read_bytes() == path.read_bytes()
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events == ["checked", *["file", "forecast"] * 4, "finished"]


def test_without_an_address_there_are_processes_here(tiny_plugin, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with cluster(None, processes=1, requirement="anemoi-core[dask]") as client:
        assert client.submit(os.getpid).result() != os.getpid()


def test_a_scheduler_that_is_not_there_is_told():
    import dask

    short = dask.config.set({"distributed.comm.timeouts.connect": "0.2s"})
    refused = pytest.raises(ResourceError, match="no Dask scheduler")
    with short, refused, cluster("tcp://127.0.0.1:1", processes=1, requirement="anemoi-core[dask]"):
        pass


def test_without_distributed_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(AbsentError, match=r"anemoi-core\[dask\]"),
        cluster(None, processes=1, requirement="anemoi-core[dask]"),
    ):
        pass


def test_a_worker_without_a_plugin_is_told(make, tiny_plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tiny_plugin)])
    alone = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with alone as local, distributed.Client(local) as client:
        sys.path.insert(0, str(tiny_plugin))
        with pytest.raises(PluginError, match="No module named 'anemoi_plugin_tiny'"):
            make("x", on=client)


def test_errors_travel_between_processes():
    error = ImplausibleError("what", fix="fix", lead_time=np.timedelta64(6, "h"))
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found), found.fix, found.lead_time) == (
        ImplausibleError, "what\nfix", "fix", error.lead_time,
    )  # fmt: skip
