"""A disk that fills while a job writes: the error of the command line, nothing by halves, others go on."""

from __future__ import annotations

import shutil
import time

import pytest

from anemoi_plugin_server.records import State
from anemoi_plugin_server.records.jobs import ENDED
from anemoi_plugin_server.running.dispatcher import Dispatcher
from anemoi_plugin_server.submission import submit

FILLS = """
import errno, os, resource, sys

def fill(event, arguments):
    if event != "open" or not isinstance(arguments[0], str) or not os.path.exists({full!r}):
        return
    path, how = arguments[0], open({full!r}).read() if arguments[0] != {full!r} else ""
    if how == "file" and path == "events.jsonl":  # in the process of a job
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if how == "store" and "/data/3." in path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

sys.addaudithook(fill)
"""
"""While a file is there no file grows beyond a limit, or none is made for a fourth state, as it says."""

OPTIONS = {"model": "small", "start": "2025-12-22T00", "lead_time": "36h", "source": "analysis"}


@pytest.fixture
def full(tmp_path, monkeypatch):
    """The file that fills the disk of the jobs of workers that begin from now on."""
    (tmp_path / "site").mkdir()
    sitecustomize = FILLS.format(full=str(tmp_path / "full"), limit=500_000)
    (tmp_path / "site" / "sitecustomize.py").write_text(sitecustomize)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return tmp_path / "full"


@pytest.fixture
def working(services, full, checkpoint):
    shutil.copy(checkpoint, services.offers.models / "small.safetensors")
    dispatcher = Dispatcher(services)
    dispatcher.start()
    yield
    dispatcher.stop()


def ended(services, **options):
    job = submit(services, "forecast", {**OPTIONS, **options}, owner="me").id
    deadline = time.monotonic() + 180
    while (found := services.jobs.get(job)).state not in ENDED:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("output", "how", "least", "what"),
    [
        ("zarr", "store", 1, "results/forecast.zarr cannot be written: No space left on device."),
        ("nc", "file", 0, "The journal results/.forecast.nc.journal cannot be written: File too large."),
    ],
)
def test_a_disk_that_fills_while_a_result_is_written(services, full, working, output, how, least, what):
    full.write_text(how)
    failed = ended(services, output=output)
    assert (failed.state, failed.result, failed.total) == (State.FAILED, None, 6)
    assert failed.done >= least
    assert (failed.error["what"], failed.error["exit_code"]) == (what, 6)
    assert str(services.settings.place) not in str(failed.error)
    assert list(services.offers.results.iterdir()) == []
    assert not (services.settings.place / "work" / failed.id / "results").exists()
    full.unlink()
    made = ended(services, output=output)
    assert (made.state, made.done) == (State.FINISHED, 6)
    [file] = (services.offers.results / made.result / "files").iterdir()
    assert file.name == f"forecast.{output}"
