"""The states between those of a source that has fewer: what is trained on hourly ones serves six-hourly ones."""

import numpy as np
import pytest
from anemoi.core import config, forecast
from anemoi.core.errors import NotThereError

START = {"date": "2020-01-02", "lead_time": "12h"}


@pytest.fixture(scope="module")
def model(train):
    return train(
        "data=waves",
        "data.variables=[t_850, tp]",
        "data.frequency=1h",
        "data.count=80",
        "objective=interpolator",
        "objective.step=6h",
        "transforms.bounding.relu=[tp]",
    )


def test_hourly_states_come_out_of_six_hourly_ones(model):
    hourly, six_hourly = (
        model.forecast(START, data=source)["data"] for source in ({}, {"frequency": "6h", "count": 13})
    )
    assert six_hourly.hours == list(range(1, 13))
    assert six_hourly.fields.shape == (12, 1, 36, 2)
    np.testing.assert_array_equal(six_hourly.fields, hourly.fields)
    assert (six_hourly["tp"] >= 0).all()


def test_what_is_known_comes_out_as_it_is_and_what_is_accumulated_does_not(model):
    made = model.forecast(START)["data"]
    (source,) = model.sources.values()
    known = source.read(np.datetime64("2020-01-02T06", "s") + np.arange(0, 7, 6) * np.timedelta64(1, "h"))
    ends = [made.hours.index(6), made.hours.index(12)]
    np.testing.assert_allclose(made["t_850"][ends, 0], known[:, 0, :, 0], rtol=1e-6)
    assert np.abs(made["tp"][ends, 0] - known[:, 0, :, 1]).max() > 1e-6


def test_states_are_nearer_to_the_nearer_end(model):
    made = model.forecast(START)
    (source,) = model.sources.values()
    times = np.datetime64("2020-01-02", "s") + np.arange(0, 13, 6) * np.timedelta64(1, "h")
    ends = source.read(times)[:, 0, :, 0]
    for place, hour in enumerate(made["data"].hours):
        if hour % 6 in (1, 5):
            after = np.abs(made["data"]["t_850"][place, 0] - ends[hour // 6]).mean()
            before = np.abs(made["data"]["t_850"][place, 0] - ends[hour // 6 + 1]).mean()
            assert (after < before) == (hour % 6 == 1)


@pytest.mark.parametrize("date", ["2020-01-03T18", "2020-01-02T01"])
def test_a_source_whose_states_do_not_bracket_a_step_is_refused(model, date):
    (spec,) = model._specs.values()
    source = config.build("source", {**spec, "frequency": "6h", "count": 13})
    with pytest.raises(NotThereError, match="it has no state at 2020-01-0") as caught:
        forecast(model.checkpoint, source, date, "12h")
    assert "hours apart" not in str(caught.value)
    assert "every 6h" in str(caught.value)
