"""Bit for bit what anemoi-datasets reads, as ``scripts/record_reference.py`` recorded it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anemoi.core import config

from .cases import CASES

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, np.ndarray]:
    with np.load(DATA / "reference.npz") as file:
        return dict(file)


@pytest.fixture(autouse=True)
def _beside_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)


@pytest.mark.parametrize("name", CASES)
def test_reads_what_anemoi_datasets_reads(name: str, recorded: Mapping[str, np.ndarray]) -> None:
    source = config.build("source", CASES[name][1])

    def same(what: str, ours: Any) -> None:
        np.testing.assert_array_equal(np.asarray(ours), recorded[f"{name}.{what}"], err_msg=what)

    same("variables", source.variables)
    same("dates", source.times)
    same("frequency", np.timedelta64(source.frequency, "s"))
    same("missing", np.array(sorted(source.missing), dtype="M8[s]"))
    same("latitudes", source.grid.latitudes)
    same("longitudes", source.grid.longitudes)
    for statistic in ("mean", "stdev", "minimum", "maximum"):
        same(statistic, getattr(source.statistics, statistic))
    there = np.array([time for time in source.times if time not in source.missing], dtype="M8[s]")
    fields = source.read(there)
    assert fields.dtype == np.float32
    same("data", fields.transpose(0, 3, 1, 2))
    # The same, read in no order, some of it twice, and one by one.
    shuffled = np.random.default_rng(0).choice(len(there), 2 * len(there))
    np.testing.assert_array_equal(source.read(there[shuffled]), fields[shuffled])
    np.testing.assert_array_equal(np.concatenate([source.read([time]) for time in there]), fields)


@pytest.mark.parametrize("hours", [6, 12])
@pytest.mark.parametrize("name", ["gapless", "select", "rename"])
def test_statistics_of_changes(name: str, hours: int, recorded: Mapping[str, np.ndarray]) -> None:
    known = config.build("source", CASES[name][1]).changes
    assert set(known) == {np.timedelta64(6, "h"), np.timedelta64(12, "h")}
    for statistic, values in vars(known[np.timedelta64(hours, "h")]).items():
        np.testing.assert_array_equal(values, recorded[f"{name}.{hours}h.{statistic}"])


def test_samples_without_missing_dates_are_those_that_anemoi_datasets_skips_to(
    recorded: Mapping[str, np.ndarray],
) -> None:
    source = config.build("source", CASES["whole"][1])
    whole = np.array([time not in source.missing for time in source.times])
    starts = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(whole, 2).all(axis=1))
    np.testing.assert_array_equal(starts[:, None] + np.arange(2), recorded["windows"])
