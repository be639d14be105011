"""The spool, what is delivered of it, and how the machine is watched."""

from __future__ import annotations

import dataclasses
import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError

from anemoi_plugin_mlflow import delivery, system, tracker
from anemoi_plugin_mlflow.delivery import Delivery, DeliveryError
from anemoi_plugin_mlflow.plots import curves
from anemoi_plugin_mlflow.spool import Delivered, Spool
from anemoi_plugin_mlflow.store import RefusedError


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path)
    spool.folder.mkdir()
    return spool


def begin(spool):
    spool.append("start", run="run", uri="the://store", uid="1")


class Store:
    """Remembers what it was given, and fails when it is told to."""

    id = "7"

    def __init__(self):
        self.given, self.down, self.bad, self.opened = [], 0, set(), 0

    def open(self, start, uri, directory):
        self._answer()
        self.opened += 1
        return self

    def _answer(self):
        if self.down:
            self.down -= 1
            raise ConnectionError("no route")

    def describe(self, start):
        self._answer()
        self.given.append("start")

    def resume(self):
        self._answer()
        self.given.append("resume")

    def metrics(self, records):
        self._answer()
        steps = [record["step"] for record in records]
        assert sum(1 for _ in steps) <= 1000
        if self.bad & set(steps):
            raise RefusedError("not a number")
        self.given.append(steps)

    def file(self, path):
        self._answer()
        self.given.append(path)

    def figures(self, figures):
        self.given.append(sorted(figures))

    def end(self, status, time):
        self._answer()
        self.given.append(status)


@pytest.fixture
def store(monkeypatch):
    store = Store()
    methods = {
        name: getattr(Store, name) for name in ("describe", "resume", "metrics", "file", "figures", "end")
    }
    monkeypatch.setattr(delivery, "StoredRun", SimpleNamespace(open=store.open, **methods))
    return store


def test_records_come_back_in_order_and_what_is_not_whole_waits(spool):
    begin(spool)
    spool.append("metrics", step=1, values={"loss": 0.5})
    with spool.lines.open("ab") as file:
        file.write(b'{"kind": "metrics", "st')
    read = list(spool.read(0))
    assert [record["kind"] for record, _ in read] == ["start", "metrics"]
    assert list(spool.read(read[-1][1])) == []
    with spool.lines.open("ab") as file:
        file.write(b'ep": 2, "values": {}}\n')
    ((record, end),) = spool.read(read[-1][1])
    assert record["step"] == 2
    assert end == spool.lines.stat().st_size


def test_threads_do_not_mix_their_lines(spool):
    def write(thread):
        for step in range(200):
            spool.append("metrics", step=step, values={f"thread {thread}": float(step)})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = [record for record, _ in spool.read(0)]
    for thread in range(4):
        name = f"thread {thread}"
        assert [r["step"] for r in records if name in r["values"]] == list(range(200))


def test_what_is_recorded_is_delivered_once_in_order_and_in_few_calls(spool, store):
    begin(spool)
    for step in range(2500):
        spool.append("metrics", step=step, values={"loss": 1.0})
    spool.append("file", path="checkpoint")
    it = Delivery(spool.run_directory)
    assert it.deliver(ended=False) is False
    spool.append("finish", status="finished")
    assert it.deliver(ended=True) is True
    assert store.given == [
        "start",
        *(list(range(first, min(first + 1000, 2500))) for first in (0, 1000, 2000)),
        "checkpoint",
        ["loss"],
        "finished",
    ]
    assert spool.pending == 0
    assert spool.delivered() == Delivered("the://store", "7", spool.lines.stat().st_size, 0, True, "")


def test_a_store_that_is_away_now_and_then_misses_nothing(spool, store):
    begin(spool)
    it = Delivery(spool.run_directory)
    for step in range(20):
        spool.append("metrics", step=step, values={"loss": 1.0})
        store.down = step % 3
        for _ in range(store.down):
            with pytest.raises(DeliveryError, match="no route"):
                it.deliver(ended=False)
            assert spool.delivered().trouble == "no route"
        it.deliver(ended=False)
        assert spool.delivered().trouble == ""
    steps = [step for given in store.given[1:] for step in given]
    assert steps == list(range(20))
    assert store.opened == 1


def test_another_process_goes_on_where_the_first_one_stopped(spool, store):
    begin(spool)
    spool.append("metrics", step=1, values={"loss": 1.0})
    Delivery(spool.run_directory).deliver(ended=False)
    spool.append("metrics", step=2, values={"loss": 1.0})
    Delivery(spool.run_directory).deliver(ended=False)
    assert store.given == ["start", [1], [2]]


def test_one_bad_record_does_not_take_the_good_ones_with_it(spool, store, capsys):
    begin(spool)
    for step in range(5):
        spool.append("metrics", step=step, values={"loss": 1.0})
    store.bad = {3}
    Delivery(spool.run_directory).deliver(ended=False)
    assert store.given == ["start", [0], [1], [2], [4]]
    assert spool.delivered().refused == 1
    assert "not a number" in capsys.readouterr().out


def test_a_record_without_an_end_is_that_of_a_killed_run(spool, store):
    begin(spool)
    it = Delivery(spool.run_directory)
    it.deliver(ended=False)
    assert store.given == ["start"]
    assert it.deliver(ended=True) is True
    assert store.given == ["start", "KILLED"]


def test_a_resumed_run_goes_on_with_its_record_though_its_last_line_was_cut_short(spool, store):
    assert spool.reopen() is False
    begin(spool)
    spool.append("metrics", step=1, values={"loss": 1.0})
    with spool.lines.open("ab") as file:
        file.write(b'{"kind": "metr')
    assert Delivery(spool.run_directory).deliver(ended=True) is True
    assert spool.reopen() is True
    spool.append("resume")
    spool.append("metrics", step=2, values={"loss": 1.0})
    assert Delivery(spool.run_directory).deliver(ended=False) is False
    spool.append("finish", status="finished")
    assert Delivery(spool.run_directory).deliver(ended=True) is True
    assert store.given == ["start", [1], "KILLED", "resume", [2], ["loss"], "finished"]


def test_two_processes_do_not_deliver_one_run(spool, store):
    begin(spool)
    first, second = Delivery(spool.run_directory), Delivery(spool.run_directory)
    with first._alone(), pytest.raises(DeliveryError, match="Another process"):
        second.deliver(ended=False)
    assert store.given == []


def test_a_run_can_be_brought_to_another_store(spool, store):
    begin(spool)
    spool.append("finish", status="failed")
    Delivery(spool.run_directory).deliver(ended=True)
    Delivery(spool.run_directory, uri="another://store").deliver(ended=True)
    assert store.given == ["start", [], "failed"] * 2
    assert spool.delivered().uri == "another://store"


def test_a_damaged_file_says_how_to_begin_again(spool):
    begin(spool)
    (spool.folder / "delivered.json").write_text("{")
    with pytest.raises(AnemoiError, match="Remove it"):
        spool.delivered()


def test_the_curve_is_the_running_mean_of_the_metric():
    values = np.random.default_rng(0).uniform(1, 2, 100)
    records = [
        {"step": step, "values": {"loss": value, "system/cpu": 1.0}} for step, value in enumerate(values, 1)
    ]
    figures = curves(records)
    assert list(figures) == ["loss"]
    (axes,) = figures["loss"].axes
    points, mean = (line.get_xydata() for line in axes.lines)
    np.testing.assert_array_equal(points[:, 1], values)
    np.testing.assert_allclose(mean[0], [10, values[:10].mean()])
    np.testing.assert_allclose(mean[-1], [100, values[-10:].mean()])


def test_the_machine_is_watched_gpus_and_all(monkeypatch):
    class NVMLError(Exception):
        pass

    def refuse(handle):
        raise NVMLError

    monkeypatch.setattr(
        system,
        "pynvml",
        SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=lambda: None,
            nvmlShutdown=lambda: None,
            nvmlDeviceGetCount=lambda: 2,
            nvmlDeviceGetHandleByIndex=lambda index: index,
            nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=90 + handle),
            nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=5e9, total=1e10),
            nvmlDeviceGetPowerUsage=refuse,
        ),
    )
    samples = []
    sampler = system.Sampler(lambda values, number: samples.append((number, values)), every=60)
    sampler.start()
    sampler.stop()
    ((number, values),) = samples
    assert number == 0
    assert values["system/gpu_1_utilization_percentage"] == 91
    assert values["system/gpu_0_memory_usage_megabytes"] == 5000
    assert not [name for name in values if "power" in name]
    assert 0 < values["system/system_memory_usage_percentage"] < 100


def test_what_was_delivered_is_replaced_as_a_whole(spool):
    delivered = Delivered("uri", "run", 12, 1, False, "no")
    spool.save(delivered)
    assert spool.delivered() == delivered
    spool.save(dataclasses.replace(delivered, offset=13))
    assert json.loads((spool.folder / "delivered.json").read_text())["offset"] == 13


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, "sqlite:///{here}/runs/mlflow.db"),
        ("sqlite:///mine.db", "sqlite:///{here}/mine.db"),
        ("sqlite:////data/mine.db", "sqlite:////data/mine.db"),
        ("https://mlflow.example.org", "https://mlflow.example.org"),
    ],
)
def test_a_local_store_does_not_depend_on_the_working_directory(uri, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tracker, "_deliver", lambda *_, **__: None)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    one = tracker.Mlflow(directory=tmp_path / "runs" / "one", uri=uri, system_metrics_every=0)
    one.start("one", {"anything": 1})
    one.metrics({"loss": np.float32(0.5), "odd": float("nan")}, 1)
    (start, _), (metrics, _) = Spool(tmp_path / "runs" / "one").read(0)
    assert str(metrics["values"]) == "{'loss': 0.5, 'odd': nan}"
    assert start["uri"] == expected.format(here=tmp_path)
    assert start["parameters"] == {"anything": 1}
