"""A plugin whose jobs and commands do what the tests of running them need; installed by `conftest.trial`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from anemoi.core.cli.event_log import EventLog
from anemoi.core.errors import NotThereError

from anemoi_plugin_server.job import Job, Progress


class TrialJob(Job):
    """Does one thing.

    Parameters
    ----------
    do
        Which.
    """

    title = "Trial"

    def __init__(self, *, do: str = "write") -> None:
        self.do = do

    def command(self, workspace: Any) -> list[str]:
        if self.do == "refuse":
            raise NotThereError("There is no such thing.", fix="Ask for another.")
        (workspace.directory / self.results).mkdir(exist_ok=True)
        return ["trial", self.do]

    def progress(self, before: Progress, event: Any) -> Progress:
        return Progress(event["done"], 3) if event["event"] == "step" else before


@click.command()
@click.argument("do")
def command(do: str) -> None:
    """Do one thing."""
    with open("events.jsonl", "a", encoding="utf-8") as stream:
        events = EventLog(stream)
        with events.failures():
            _do(do, events)


def _do(do: str, events: EventLog) -> None:
    where = Path("results")
    if do == "write":
        for number in range(3):
            events.tell("step", done=number + 1)
        (where / "made.txt").write_text("made")
        (where / "environment.json").write_text(json.dumps(dict(os.environ)))
    elif do == "fail":
        raise NotThereError("There is no state at 2000-01-01T00.", fix="Choose another date.")
    elif do == "crash":
        raise RuntimeError("a mistake in a plugin")
    elif do == "grow":
        held = []
        while True:
            held.append(b"x" * (8 << 20))
            time.sleep(0.02)
    elif do == "leap":
        bytearray(1 << 40)
    elif do == "spawn":  # with a process of its own, and deaf
        child = subprocess.Popen(["sleep", "600"])
        Path("pids.json").write_text(json.dumps([os.getpid(), child.pid]))
        while True:
            with suppress(KeyboardInterrupt):
                time.sleep(600)
    elif do == "once":  # dies in its first attempt, and goes on in its second
        if not (begun := Path("once")).exists():
            begun.touch()
            os.kill(os.getpid(), 9)
        (where / "made.txt").write_text("made")
    elif do == "die":
        os.kill(os.getpid(), 9)
