"""A coupled forecast that was interrupted goes on, to the bits of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.cli import main
from anemoi.core.errors import DataError, ImplausibleError
from anemoi.core.forecasting import Destination
from anemoi.core.forecasting.journal import ForecastJournal
from anemoi.core.model import ForecastModel

from anemoi_plugin_coupling.coupling import Coupled, Coupling

START = np.datetime64("2000-05-10T06", "s")
STATES = 12 + 3  # of three days
FORCINGS = {
    "atmosphere": {"sst": "ocean.sst", "ci": "ocean.ci"},
    "ocean": {each: f"atmosphere.{each}" for each in ("2t", "10u", "10v", "q_835")},
}


@pytest.fixture
def couple(checkpoints, sources, tmp_path):
    """Build a restartable coupling in a folder."""

    def couple_(folder="made", dates=(START,), interval="24h", outputs="{}.zarr", **how):
        (tmp_path / folder).mkdir(exist_ok=True)
        components = {
            name: Coupled(
                checkpoint=checkpoints[name],
                source=sources[name],
                destinations=[Destination.of(str(tmp_path / folder / outputs.format(name)))],
                forcings=FORCINGS[name],
            )
            for name in ("atmosphere", "ocean")
        }
        return Coupling(components, dates, interval, "72h", **{"restart": True, **how})

    return couple_


@pytest.fixture
def computed(monkeypatch):
    """The steps that models have computed."""
    advance, steps = ForecastModel.advance, []

    def counted(self, *given):
        steps.append(self)
        return advance(self, *given)

    monkeypatch.setattr(ForecastModel, "advance", counted)
    return steps


class Stopped(Exception):  # noqa: N818 (it is none)
    """The end of a process, as far as a journal is concerned."""


def interrupt(coupling, after):
    """Make a coupling until so many states are left to be written."""
    seen = []

    def count(described, state):
        seen.append(state)
        if len(seen) == after:
            raise Stopped

    with pytest.raises(Stopped):
        list(coupling.run(count))


def values(folder):
    found = {}
    for name in ("atmosphere", "ocean"):
        source = config.build("source", {"name": "zarr", "path": str(folder / f"{name}.zarr")})
        found[name] = source.read(source.times)
    return found


# Within the first day; when the atmosphere has heard and the ocean not stepped; when all but one is there.
@pytest.mark.parametrize("after", [2, 8, STATES - 1])
def test_it_goes_on_to_the_same_bits_and_computes_nothing_twice(couple, computed, tmp_path, after):
    list(couple("whole", restart=False).run())
    assert len(computed) == STATES
    computed.clear()
    interrupt(couple(), after)
    assert not list((tmp_path / "made").glob("*.zarr"))
    assert {path.name for path in (tmp_path / "made").glob(".*.journal")} >= {".atmosphere.zarr.journal"}
    list(couple().run())
    assert len(computed) == STATES
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"atmosphere.zarr", "ocean.zarr"}
    made, whole = values(tmp_path / "made"), values(tmp_path / "whole")
    for name in whole:
        np.testing.assert_array_equal(made[name], whole[name])


def test_what_was_killed_goes_on_from_the_command_line(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    components = {
        name: {
            "checkpoint": str(paths[name]),
            "forcings": FORCINGS[name],
            "outputs": [{"path": f"made/{name}.zarr"}],
        }
        for name in ("atmosphere", "ocean")
    }
    suite = {"components": components, "dates": "2000-05-10T06", "interval": "24h", "lead_time": "72h"}
    (tmp_path / "suite.yaml").write_text(str(suite))
    killer = (
        "import os, signal, sys\n"
        "from anemoi.core.cli import main\n"
        "from anemoi.core.forecasting.journal import ForecastJournal\n"
        "append, states = ForecastJournal.append, []\n"
        "def kill(self, state):\n"
        "    append(self, state)\n"
        "    states.append(state)\n"
        "    if len(states) == 9:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "ForecastJournal.append = kill\n"
        "main(sys.argv[1:])\n"
    )
    (tmp_path / "made").mkdir()
    words = ["forecast", "--couple", "suite.yaml", "--restart"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, "-c", killer, *words], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not list((tmp_path / "made").glob("*.zarr"))
    assert main(words) == 0
    (tmp_path / "whole.yaml").write_text(str(suite).replace("made/", ""))
    assert main(["couple", "whole.yaml"]) == 0
    for name, made in values(tmp_path / "made").items():
        np.testing.assert_array_equal(made, values(tmp_path)[name])


def test_of_many_dates_what_is_whole_is_not_made_again(couple, computed, tmp_path):
    dates, outputs = (START, START + np.timedelta64(1, "D")), "{}-{{date}}.zarr"
    interrupt(couple(dates=dates, outputs=outputs), STATES + 4)
    made = len(computed)
    assert len(list((tmp_path / "made").glob("*.zarr"))) == 2
    again = couple(dates=dates, outputs=outputs)
    assert [[bool(task.parts) for task in tasks.values()] for tasks in again.tasks] == [
        [False] * 2,
        [True] * 2,
    ]
    list(again.run())
    assert len(computed) == 2 * STATES
    assert made < len(computed)
    assert len(list((tmp_path / "made").iterdir())) == 4


def test_a_crash_between_the_ends_of_two_journals_costs_nothing(couple, computed, tmp_path, monkeypatch):
    finish, done = ForecastJournal.finish, []

    def crash(self):
        if done:
            raise Stopped
        done.append(self)
        finish(self)

    coupling = couple()
    with monkeypatch.context() as crashing:
        crashing.setattr(ForecastJournal, "finish", crash)
        with pytest.raises(Stopped):
            list(coupling.run())
    list(couple().run())
    assert len(computed) == STATES
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"atmosphere.zarr", "ocean.zarr"}


def test_a_component_without_its_journal_does_not_go_on_beside_one_that_is_whole(
    couple, tmp_path, monkeypatch
):
    with monkeypatch.context() as staying:
        staying.setattr(ForecastJournal, "remove", lambda self: None)
        list(couple().run())
    (tmp_path / "made" / ".ocean.zarr.journal").unlink()
    with pytest.raises(DataError, match=r"forecast of atmosphere is written .* ocean has yet to be made"):
        couple(overwrite=True)


def test_what_another_hears_and_how_often_makes_it_another_forecast(couple):
    interrupt(couple(), 5)
    with pytest.raises(DataError, match=r"coupling interval is 24h, not 48h"):
        couple(interval="48h")
    with pytest.raises(DataError, match=r"number of neighbours is 4, not 1"):
        couple(neighbours=1)


def test_values_that_cannot_be_leave_no_journal(couple, tmp_path):
    with pytest.raises(ImplausibleError):
        list(couple(limit=1.0 + 1e-6).run())
    assert not list((tmp_path / "made").iterdir())
