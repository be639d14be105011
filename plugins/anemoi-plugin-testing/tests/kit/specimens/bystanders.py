"""Trackers and hooks."""

import json
import os
import random
import signal
import sys
import time

import numpy as np
from anemoi.core.interfaces import hookimpl
from anemoi.core.interfaces.tracker import Tracker

from . import caught_by, right


@right("tracker")
class Lines(Tracker):
    """Writes a line for each call."""

    def __init__(self, *, directory, name: str = "lines.txt"):
        self.path = directory / name

    def start(self, run, parameters):
        self.line(run, parameters)

    def metrics(self, values, step):
        self.line(step, {name: float(value) for name, value in values.items()})

    def artefact(self, path):
        self.line(path.name)

    def finish(self, status):
        self.line(status)

    def line(self, *values):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


@caught_by("options_are_declared", "tracker")
class UntypedOption(Lines):
    def __init__(self, *, directory, name="lines.txt"):
        super().__init__(directory=directory)


@caught_by("builds", "tracker")
class NeedsAServer(Lines):
    def __init__(self, *, directory):
        raise ConnectionError("nobody there")


@caught_by("builds", "tracker")
class BeginsTooEarly(Lines):
    def __init__(self, *, directory):
        super().__init__(directory=directory)
        (directory / "mine.log").touch()


@caught_by("records_a_run", "tracker")
class TakesNoArtefacts(Lines):
    def artefact(self, path):
        raise NotImplementedError


@caught_by("takes_every_end", "tracker")
class KnowsSuccessOnly(Lines):
    def finish(self, status):
        self.line({"finished": 0}[status])


@caught_by("takes_every_end", "tracker")
class NeedsOneStep(Lines):
    def metrics(self, values, step):
        super().metrics(values, step)
        self.last = step

    def finish(self, status):
        self.line(self.last, status)


@caught_by("takes_odd_metrics", "tracker")
class StrictNumbers(Lines):
    def metrics(self, values, step):
        self.line(step, {name: round(1000 * value) for name, value in values.items()})


@caught_by("takes_odd_metrics", "tracker")
class FixedColumns(Lines):
    columns = None

    def metrics(self, values, step):
        self.columns = self.columns or list(values)
        self.line(step, [float(values[name]) for name in self.columns])


@caught_by("fails_in_a_way_that_can_be_caught", "tracker")
class GivesUpForAll(Lines):
    def line(self, *values):
        try:
            super().line(*values)
        except OSError:
            sys.exit(1)


@caught_by("fails_in_a_way_that_can_be_caught", "tracker")
class Interrupts(Lines):
    def artefact(self, path):
        if not path.exists():
            raise KeyboardInterrupt
        super().artefact(path)


@caught_by("is_prompt", "tracker")
class Slow(Lines):
    def metrics(self, values, step):
        time.sleep(1.05 if step == 3 else 0.0)
        super().metrics(values, step)


@caught_by("leaves_what_it_is_given_alone", "tracker")
class FlattensInPlace(Lines):
    def start(self, run, parameters):
        super().start(run, parameters)
        parameters["channels"] = parameters.get("model", {}).get("channels")

    def finish(self, status):
        super().finish(status)


@caught_by("leaves_what_it_is_given_alone", "tracker")
class MovesFiles(Lines):
    def artefact(self, path):
        super().artefact(path)
        if path.exists():
            path.rename(path.with_name("moved"))


@caught_by("leaves_the_process_alone", "tracker")
class RollsDice(Lines):
    def start(self, run, parameters):
        super().start(f"{run}-{random.random()}", parameters)


@caught_by("leaves_the_process_alone", "tracker")
class CatchesSignals(Lines):
    def start(self, run, parameters):
        super().start(run, parameters)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@caught_by("options_survive_a_configuration", "tracker")
class DefaultOfAnotherType(Lines):
    def __init__(self, *, directory, every: int = 1.5):
        super().__init__(directory=directory)


@right("hook")
class Counts:
    """Counts steps and states."""

    def __init__(self):
        self.steps = self.states = 0

    @hookimpl
    def training_started(self, parameters):
        self.parameters = dict(parameters)

    @hookimpl
    def training_step(self, step, metrics):
        self.steps = step

    @hookimpl
    def checkpoint_saved(self, path):
        self.size = path.stat().st_size

    @hookimpl
    def forecast_step(self, forecast, state):
        self.states += 1
        self.largest = state.fields.max()


@caught_by("watches_known_events", "hook")
class UnknownEvent:
    @hookimpl
    def training_stepped(self, step):
        pass


@caught_by("watches_known_events", "hook")
class UnknownArgument:
    @hookimpl
    def training_step(self, step, gradients):
        pass


@caught_by("watches_known_events", "hook")
class MarksNothing:
    def training_step(self, step):
        pass


@caught_by("starts", "hook")
class NeedsArguments(Counts):
    def __init__(self, where):
        super().__init__()


@caught_by("takes_the_events_of_a_run", "hook")
class RaisesAtTheEnd(Counts):
    @hookimpl
    def training_finished(self, status):
        {"finished": 0}[status]


@caught_by("returns_nothing", "hook")
class Answers(Counts):
    @hookimpl
    def training_epoch(self, epoch):
        return epoch


@caught_by("changes_nothing", "hook")
class ClearsFields(Counts):
    @hookimpl
    def forecast_step(self, state):
        np.maximum(state.fields, 1.0, out=state.fields)


@caught_by("changes_nothing", "hook")
class AddsMetrics(Counts):
    @hookimpl
    def training_step(self, step, metrics):
        metrics["step"] = step


@caught_by("changes_nothing", "hook")
class RemovesCheckpoints(Counts):
    @hookimpl
    def checkpoint_saved(self, path):
        path.unlink()


@caught_by("is_prompt", "hook")
class SendsMail(Counts):
    @hookimpl
    def training_started(self, parameters):
        time.sleep(1.05)


@caught_by("leaves_the_process_alone", "hook")
class ChangesDirectory(Counts):
    @hookimpl
    def training_started(self, parameters):
        os.chdir("/")


@caught_by("leaves_the_process_alone", "hook")
class SeedsNumpy(Counts):
    @hookimpl
    def training_started(self, parameters):
        np.random.seed(0)
