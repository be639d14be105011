from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from anemoi.core.provenance import provenance
from anemoi.core.times import format_date, format_duration, parse_date, parse_duration


@pytest.mark.parametrize(
    ("text", "minutes", "written"),
    [("6h", 360, "6h"), ("90m", 90, "90m"), ("10d", 14400, "240h"), ("60m", 60, "1h")],
)
def test_durations_are_read_and_written(text, minutes, written):
    duration = parse_duration(text)
    assert duration == np.timedelta64(minutes, "m")
    assert (
        duration == parse_duration(timedelta(minutes=minutes)) == parse_duration(np.timedelta64(minutes, "m"))
    )
    assert format_duration(duration) == written
    assert parse_duration(written) == duration


@pytest.mark.parametrize("text", ["2020-01-02T06", "2020-01-02T00", "2020-01-02T06:30"])
def test_dates_are_written_as_they_are_read(text):
    assert format_date(parse_date(text)) == text
    assert parse_date(text).dtype == np.dtype("datetime64[s]")


def test_provenance_is_json_with_the_parents_and_what_is_known():
    parent = {"kind": "dataset", "identity": "d"}
    made = provenance(parents=[parent], command="anemoi train", kind="checkpoint")
    assert json.loads(json.dumps(made)) == made
    assert (made["kind"], made["parents"], made["command"]) == ("checkpoint", [parent], "anemoi train")
    assert {"python", "torch", "anemoi-core"} <= set(made["versions"])
