"""The tour of core points at what there is, and goes from a source through a training to a forecast."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STEPS = json.loads((ROOT / ".tours" / "core.tour").read_text(encoding="utf-8"))["steps"]
WAY = (
    "interfaces/data_source.py",
    "domain.py",
    "model/assembly.py",
    "anemoi_plugin_training/loop.py",
    "checkpoint/checkpoint.py",
    "forecasting/rollout.py",
    "interfaces/output.py",
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: Path(step["file"]).name)
def test_a_step_points_at_one_place_and_tells_of_it(step):
    text = (ROOT / step["file"]).read_text(encoding="utf-8")
    assert len(re.findall(step["pattern"], text, re.MULTILINE)) == 1
    assert step["description"].endswith(".")


def test_it_goes_the_way_that_data_go():
    files = [step["file"] for step in STEPS]
    places = [next(number for number, file in enumerate(files) if file.endswith(end)) for end in WAY]
    assert places == sorted(places)
