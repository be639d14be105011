"""A temporal interpolator: several states between two known ones."""

import numpy as np
import pytest
import torch
from anemoi.core.checkpoint import build_model

START = {"date": "2020-01-02", "lead_time": "12h"}


@pytest.fixture(scope="module")
def model(train):
    return train(
        "data=waves",
        "data.variables=[t_850, tp]",
        "data.frequency=1h",
        "data.count=80",
        "objective=interpolator",
        "transforms.bounding.relu=[tp]",
    )


def test_hourly_states_come_out_of_six_hourly_ones(model):
    hourly, six_hourly = (
        model.forecast(START, data=source)["data"] for source in ({}, {"frequency": "6h", "count": 13})
    )
    assert six_hourly.hours == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    assert six_hourly.fields.shape == (10, 1, 36, 2)
    np.testing.assert_array_equal(six_hourly.fields, hourly.fields)
    assert (six_hourly["tp"] >= 0).all()


def test_states_are_nearer_to_the_nearer_end(model):
    made = model.forecast(START)
    (source,) = model.sources.values()
    times = np.datetime64("2020-01-02", "s") + np.arange(0, 13, 6) * np.timedelta64(1, "h")
    ends = source.read(times)[:, 0, :, 0]
    for place, hour in enumerate(made["data"].hours):
        after = np.abs(made["data"]["t_850"][place, 0] - ends[hour // 6]).mean()
        before = np.abs(made["data"]["t_850"][place, 0] - ends[hour // 6 + 1]).mean()
        if hour % 6 in (1, 5):
            assert (after < before) == (hour % 6 == 1)


def test_a_network_that_adds_nothing_gives_the_straight_line(model):
    forecast_model = build_model(model.checkpoint)
    domain = forecast_model.normalised["data"]
    inputs = {"data": torch.randn(1, 2, 2, 36, len(domain.inputs))}
    forecast_model.network.forward = lambda fields: {"data": torch.zeros(1, 5, 2, 36, 2)}
    outputs = forecast_model.advance(inputs, torch.Generator())["data"]
    first, last = inputs["data"][0, :, :, :, 0]
    for hour in range(1, 6):
        torch.testing.assert_close(outputs[0, hour - 1, :, :, 0], torch.lerp(first, last, hour / 6))
