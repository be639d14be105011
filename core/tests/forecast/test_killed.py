"""Whatever ends a forecast, the same command with --restart gives the same files and leaves nothing else.

``ANEMOI_KILLS=50 pytest core/tests/forecast/test_killed.py`` tries as many moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anemoi.core.cli import main
from anemoi.core.errors import ResourceError
from anemoi.core.forecasting.journal import ForecastJournal
from anemoi.core.forecasting.locks import OutputLocks

START, STEPS = "2020-01-02T06", 40
KILLS = int(os.environ.get("ANEMOI_KILLS", "2"))
SLOWLY = """
import resource, sys, time
from anemoi.core.cli import main
from anemoi.core.forecasting.journal import ForecastJournal

append, limit = ForecastJournal.append, int(sys.argv[1])


def slowly(self, state):
    time.sleep(0.01)
    append(self, state)


ForecastJournal.append = slowly
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main(sys.argv[2:]))
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def run(checkpoint_file, tiny_site, tmp_path):
    """Start the forecast into a folder of its own, slowly; with a limit on the size of files."""
    environment = {**os.environ, "PYTHONPATH": str(tiny_site)}
    words = ["forecast", str(checkpoint_file), "--date", START, "--lead-time", "10d", "--restart"]
    words += ["--output", "a.raw", "--output", "b.raw", "--output", "{lead_time}.raw"]

    def start(folder, limit=0):
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-c", SLOWLY, str(limit), *words],
            env=environment,
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    start.words = words
    return start


@pytest.fixture
def truth(run, tmp_path, monkeypatch):
    """The bytes of each file of a forecast that nothing interrupts."""
    folder = tmp_path / "truth"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(run.words) == 0
    assert len(names(folder)) == STEPS + 2
    return {name: (folder / name).read_bytes() for name in names(folder)}


def _forked(folder, words):
    """Make the forecast in a fork of this process, slowly: to import torch takes longer than the forecast."""
    folder.mkdir()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(folder)
        append = ForecastJournal.append

        def slowly(self, state):
            time.sleep(0.01)
            append(self, state)

        ForecastJournal.append = slowly
        code = main(words)
    finally:
        os._exit(code)


def _begun(folder: Path, process: subprocess.Popen[str]) -> None:
    while not (folder / ".a.raw.journal").exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.002)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_at_any_moment(run, truth, tmp_path, monkeypatch, how):
    moments = random.Random(KILLS)
    left = 0
    for number in range(KILLS):
        folder = tmp_path / str(number)
        child = _forked(folder, run.words)
        while not (folder / ".a.raw.journal").exists():
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.6))
        os.kill(child, how)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (-how if how is signal.SIGKILL else 130, 0)  # or it had ended before
        hidden = [name for name in names(folder) if name.startswith(".")]
        left += bool(hidden)
        if how is signal.SIGTERM:  # it clears away what is not whole, and keeps what it can go on from
            assert hidden in ([], [".a.raw.journal"])
        for name in names(folder):  # what has appeared is whole, whatever is still to come
            if not name.startswith("."):
                assert (folder / name).read_bytes() == truth[name]
        if names(folder) != sorted(truth):  # else it was told to end when nothing was left to do
            monkeypatch.chdir(folder)
            assert main(run.words) == 0
        assert {name: (folder / name).read_bytes() for name in names(folder)} == truth
    print(f"{KILLS} moments of {how.name}; {left} times a journal or more was left to go on from")


def test_on_a_full_disk(run, truth, tmp_path, monkeypatch):
    """No file may be larger than a few steps of the journal."""
    folder = tmp_path / "full"
    process = run(folder, limit=4000)
    _, error = process.communicate()
    assert process.returncode == 6, error
    assert "cannot be written" in error
    assert "Traceback" not in error
    assert not [name for name in names(folder) if "partial" in name or "lock" in name]
    assert {"6h.raw", "12h.raw"} <= set(names(folder))
    monkeypatch.chdir(folder)
    assert main(run.words) == 0
    assert {name: (folder / name).read_bytes() for name in names(folder)} == truth


def test_two_forecasts_do_not_write_one_file(run, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "both"
    process = run(folder)
    try:
        _begun(folder, process)
        monkeypatch.chdir(folder)
        begun = names(folder)
        assert main(run.words) == 6
        error = capsys.readouterr().err
        assert f"a.raw is being written by another forecast (process {process.pid} on " in error
        assert set(begun) <= set(names(folder))  # nothing of the other's was cleared away
    finally:
        process.kill()
        process.communicate()


def test_a_lock_is_one_until_it_is_released(tmp_path):
    locks = OutputLocks([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ResourceError, match="b is being written"):
        OutputLocks([tmp_path / "c", tmp_path / "b"])
    assert names(tmp_path) == [".a.lock", ".b.lock"]
    locks.release()
    assert names(tmp_path) == []
    again = OutputLocks([tmp_path / "b"])
    del again  # as when a forecast is prepared and never made
    assert names(tmp_path) == []
    OutputLocks([tmp_path / "absent" / "a"])  # which its output refuses
