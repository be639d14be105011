import dataclasses

from anemoi.core.config import compose

from anemoi_plugin_training.settings import DateSettings, TrainingSettings


def test_the_file_and_the_settings_have_the_same_defaults():
    values = compose("train", ["data=zarr", "data.path=any.zarr"]).values
    assert values["training"] == dataclasses.asdict(TrainingSettings())
    assert values["dates"] == dataclasses.asdict(DateSettings())
