"""Events reach every hook in one order; a hook that fails or is slow is reported once and switched off."""

from __future__ import annotations

import logging
import os
import time

import numpy as np
import pytest

from anemoi.core.interfaces import State, hookimpl
from anemoi.core.interfaces import hooks as specification
from anemoi.core.plugins import Broadcast, hooks

STEP = {"run": "r", "step": 1, "metrics": {"loss": 0.5}}


class Recorder:
    """Writes down who was called."""

    def __init__(self, name, calls):
        self._name, self._calls = name, calls

    @hookimpl
    def training_step(self, step):
        self._calls.append((self._name, step))


class Failing:
    def __init__(self, error):
        self.calls, self._error = 0, error

    @hookimpl
    def training_step(self):
        self.calls += 1
        raise self._error

    @hookimpl
    def training_finished(self):
        self.calls += 100


def test_every_hook_is_called_in_order_of_name_with_the_arguments_it_asks_for():
    calls = []
    names = ["a-dist:z", "b-dist:x", "a-dist:y"]
    broadcast = Broadcast({name: Recorder(name, calls) for name in names})
    broadcast.send("training_step", **STEP)
    assert calls == [("a-dist:y", 1), ("a-dist:z", 1), ("b-dist:x", 1)]


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3)], ids=["ValueError", "SystemExit"])
def test_a_hook_that_raises_is_reported_once_and_called_no_more(caplog, error):
    calls, failing = [], Failing(error)
    broadcast = Broadcast({"bad-dist:it": failing, "good-dist:it": Recorder("good", calls)})
    for _ in range(3):
        broadcast.send("training_step", **STEP)
    broadcast.send("training_finished", run="r", status="finished")
    assert failing.calls == 1
    assert len(calls) == 3
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "bad-dist:it raised" in caplog.text
    assert "in training_step" in caplog.text


def test_what_a_hook_does_to_its_arguments_reaches_nobody_else():
    class Forging:
        @hookimpl
        def training_step(self, metrics):
            metrics.clear()
            metrics["EVIL"] = -1.0

        @hookimpl
        def training_started(self, parameters):
            parameters["model"]["layers"].append("EVIL")

    class Record:
        seen = ()

        @hookimpl
        def training_step(self, metrics):
            self.seen += (metrics,)

        @hookimpl
        def training_started(self, parameters):
            self.seen += (parameters,)

    record, metrics, parameters = Record(), {"loss": 0.5}, {"model": {"layers": [1, 2]}}
    broadcast = Broadcast({"a-dist:forging": Forging(), "b-dist:record": record})
    broadcast.send("training_started", run="r", parameters=parameters)
    broadcast.send("training_step", run="r", step=1, metrics=metrics)
    expected = ({"model": {"layers": [1, 2]}}, {"loss": 0.5})
    assert record.seen == (parameters, metrics) == expected


def test_a_hook_that_writes_to_a_state_is_switched_off_and_the_state_stays(caplog):
    class Forging:
        @hookimpl
        def forecast_step(self, state):
            object.__setattr__(state, "domain", "EVIL")
            state.fields[:] = 0.0

    fields = np.full((1, 2, 3), 280.0, dtype=np.float32)
    state = State(np.datetime64("2026-01-01"), np.timedelta64(6, "h"), fields)
    broadcast = Broadcast({"bad-dist:it": Forging()})
    broadcast.send("forecast_step", forecast=None, state=state)
    assert "bad-dist:it raised ValueError in forecast_step" in caplog.text
    assert state.domain == "data"
    assert (state.fields == 280.0).all()
    assert state.fields.flags.writeable


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_a_hook_forks_does_not_go_on_with_the_run(site):
    run = site.run(
        "import os\n"
        "from anemoi.core.interfaces import hookimpl\n"
        "from anemoi.core.plugins import Broadcast\n"
        "class Forking:\n"
        "    @hookimpl\n"
        "    def training_step(self):\n"
        "        if os.fork() == 0:\n"
        "            raise SystemExit(0)\n"
        "        os.wait()\n"
        "Broadcast({'fork-dist:it': Forking()}).send('training_step', run='r', step=1, metrics={})\n"
        "print('went on', flush=True)\n"
    )
    assert (run.returncode, run.stdout) == (0, "went on\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_hook_that_ends_the_process_is_switched_off_and_the_run_goes_on(site):
    run = site.run(
        "import os, threading\n"
        "from anemoi.core.interfaces import hookimpl\n"
        "from anemoi.core.plugins import Broadcast\n"
        "class Leaving:\n"
        "    @hookimpl\n"
        "    def training_step(self):\n"
        "        if (child := os.fork()) == 0:\n"
        "            os._exit(3)\n"
        "        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "        os._exit(0)\n"
        "class Born:\n"
        "    def __init__(self):\n"
        "        os._exit(0)\n"
        "leave = os._exit\n"
        "events = Broadcast({'exit-dist:it': Leaving(), 'born-dist:it': Born})\n"
        "for step in (1, 2):\n"
        "    events.send('training_step', run='r', step=step, metrics={})\n"
        "print('went on', os._exit is leave, flush=True)\n"
    )
    assert (run.returncode, run.stdout) == (0, "3\nwent on True\n")
    assert "exit-dist:it raised ProcessExitError in training_step: it called os._exit(0)" in run.stderr
    assert "born-dist:it could not be started: ProcessExitError" in run.stderr


def test_an_interrupt_by_the_user_is_no_fault_of_the_hook():
    with pytest.raises(KeyboardInterrupt):
        Broadcast({"any-dist:it": Failing(KeyboardInterrupt())}).send("training_step", **STEP)


def test_a_slow_hook_is_reported_once_and_called_no_more(caplog, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    class Slow:
        calls = 0

        @hookimpl
        def training_step(self):
            self.calls += 1
            clock[0] += 4.0

    slow, calls = Slow(), []
    broadcast = Broadcast({"slow-dist:it": slow, "good-dist:it": Recorder("good", calls)})
    for _ in range(10):
        broadcast.send("training_step", **STEP)
        clock[0] += 1.0
    # After n calls it has taken 4 n of 5 n - 1 seconds, which is more than 10 + (5 n - 1) / 10 from n = 3 on.
    assert slow.calls == 3
    assert len(calls) == 10
    assert caplog.text.count("slow-dist:it is slow: it took 12.0 s of a run of 14.0 s") == 1


def test_a_hook_may_take_its_share_of_a_long_run(caplog, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    class Careful:
        calls = 0

        @hookimpl
        def training_step(self):
            self.calls += 1
            clock[0] += 4.0

    careful = Careful()
    broadcast = Broadcast({"careful-dist:it": careful})
    for _ in range(100):
        broadcast.send("training_step", **STEP)
        clock[0] += 40.0
    assert careful.calls == 100
    assert caplog.records == []


def test_a_hook_that_cannot_be_constructed_is_reported(caplog):
    class Unstartable:
        def __init__(self):
            raise RuntimeError("no licence")

        @hookimpl
        def training_step(self):
            pass

    Broadcast({"bad-dist:it": Unstartable}).send("training_step", **STEP)
    assert "bad-dist:it could not be started: RuntimeError: no licence" in caplog.text


@pytest.mark.parametrize(("event", "values"), [("training_steps", STEP), ("training_step", {"run": "r"})])
def test_a_mistake_of_the_caller_is_not_blamed_on_a_hook(event, values):
    with pytest.raises(TypeError, match=event):
        Broadcast({}).send(event, **values)


def _events():
    return [
        name for name, value in vars(specification).items() if hasattr(value, f"{specification.PROJECT}_spec")
    ]


@pytest.mark.parametrize("event", _events())
def test_every_event_reaches_a_hook_with_its_values(event):
    arguments = [name for name in getattr(specification, event).__annotations__ if name != "return"]
    seen = []
    namespace = {"hookimpl": hookimpl, "seen": seen}
    names = ", ".join(arguments)
    exec(f"class Watcher:\n @hookimpl\n def {event}(self, {names}): seen.append(({names},))", namespace)
    broadcast = Broadcast({"any-dist:it": namespace["Watcher"]})
    broadcast.send(event, **{name: f"the {name}" for name in arguments})
    assert seen == [tuple(f"the {name}" for name in arguments)]


def test_the_events_are_those_of_a_run():
    assert _events() == [
        "training_started",
        "training_step",
        "training_epoch",
        "checkpoint_saved",
        "file_saved",
        "training_finished",
        "forecast_started",
        "forecast_step",
        "forecast_finished",
    ]


GOOD = """
from anemoi.core.interfaces import hookimpl
steps = []
@hookimpl
def training_step(step):
    steps.append(step)
"""


def test_installed_hooks_are_found_and_the_broken_and_blocked_ones_left_out(here, caplog):
    here.add("good-dist", {"hooks": {"it": "hook_good"}}, modules={"hook_good.py": GOOD})
    here.add("torn-dist", {"hooks": {"it": "hook_torn"}}, modules={"hook_torn.py": "1 / 0\n"})
    here.add(
        "mute-dist", {"hooks": {"it": "hook_mute"}}, modules={"hook_mute.py": "def training_step(): ...\n"}
    )
    misspelt = GOOD.replace("training_step", "trainingstep")
    here.add("typo-dist", {"hooks": {"it": "hook_typo"}}, modules={"hook_typo.py": misspelt})
    wrong = GOOD.replace("(step)", "(stride)")
    here.add("args-dist", {"hooks": {"it": "hook_args"}}, modules={"hook_args.py": wrong})
    here.add("hush-dist", {"hooks": {"it": "hook_hush"}}, modules={"hook_hush.py": "1 / 0\n"})
    (here.home / "anemoi").mkdir(parents=True)
    (here.home / "anemoi" / "blocked-plugins.txt").write_text("hush-dist\n")

    hooks().send("training_step", **STEP)

    import hook_good

    assert hook_good.steps == [1]
    reported = [record.getMessage() for record in caplog.records]
    assert [next(word for word in message.split() if word.endswith("-dist")) for message in reported] == [
        "args-dist",
        "mute-dist",
        "torn-dist",
        "typo-dist",
    ]
    assert "stride" in reported[0]
    assert "hookimpl" in reported[1]
    assert "ZeroDivisionError" in reported[2]
    assert "trainingstep" in reported[3]
