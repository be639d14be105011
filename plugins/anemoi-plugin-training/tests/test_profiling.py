"""Where the time of a step goes is measured, and can be looked at."""

import json
import re
import time

import pytest
from anemoi.core import plugins
from click.testing import CliRunner

from anemoi_plugin_training.command import command
from anemoi_plugin_training.parts import BACKWARD, DATA, FORWARD, PARTS
from anemoi_plugin_training.profiling import STEPS, profile_steps

from .test_resuming import WORDS, training_of

MANY = ["training.steps=30", "training.rollout_steps=0"]


def test_the_parts_of_a_step_are_all_of_it(tmp_path):
    found = profile_steps(training_of(*MANY).optimisation(), tmp_path)
    assert [part.name for part in found.parts] == [*PARTS, "rest"]
    assert found.steps == STEPS
    assert sum(part.seconds for part in found.parts) == pytest.approx(found.seconds)
    seconds = {part.name: part.seconds for part in found.parts}
    assert all(value > 0 for value in seconds.values())
    memory = {part.name: part.memory for part in found.parts if part.memory is not None}
    assert memory[FORWARD] > 1e5  # what is kept for the gradient
    assert memory[BACKWARD] < -0.5 * memory[FORWARD]


def test_a_slow_source_is_seen(tmp_path, monkeypatch):
    training = training_of(*MANY)
    source = plugins.load("source", "sample")
    read = source.read

    def slow(self, times):
        time.sleep(0.3)
        return read(self, times)

    monkeypatch.setattr(source, "read", slow)
    found = profile_steps(training.optimisation(), tmp_path)
    waiting = next(part for part in found.parts if part.name == DATA)
    assert waiting.seconds > 0.3 * found.seconds


def test_the_command_prints_a_table_and_leaves_a_trace_and_no_run(tmp_path):
    said = [*WORDS, *MANY, "--profile", "--output", str(tmp_path / "profile")]
    result = CliRunner().invoke(command, said)
    assert result.exit_code == 0, result.output
    shares = [float(each) for each in re.findall(r"([\d.]+)%", result.output)]
    assert sum(shares[:-1]) == pytest.approx(100, abs=0.5)
    assert [path.name for path in (tmp_path / "profile").iterdir()] == ["trace.json"]
    events = json.loads((tmp_path / "profile" / "trace.json").read_text())["traceEvents"]
    names = [event.get("name") for event in events if event.get("cat") == "user_annotation"]
    assert names.count("training: step") == STEPS
    assert names.count("training: forward") == STEPS
