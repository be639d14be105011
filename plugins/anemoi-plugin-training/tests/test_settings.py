import dataclasses
from pathlib import Path

import pytest
from anemoi.core.config import compose
from anemoi.core.config.validate import problems
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import GraphBuilder

from anemoi_plugin_training.json_lines import JsonLines
from anemoi_plugin_training.preparation import prepare
from anemoi_plugin_training.settings import DateSettings, TrainingSettings


def test_the_file_and_the_settings_have_the_same_defaults():
    values = compose("train", ["data=zarr", "data.path=any.zarr"]).values
    defaults = dataclasses.asdict(TrainingSettings())
    assert defaults.pop("optimiser") is None  # an older name, which the file no longer writes
    assert values["training"] == defaults
    assert values["dates"] == dataclasses.asdict(DateSettings())


class NoGraph(GraphBuilder):
    def __init__(self) -> None:
        raise ConfigError("no luck")

    def build(self, grids):
        raise NotImplementedError


class NoTracker(JsonLines):
    def __init__(self, *, directory: Path) -> None:
        raise ConfigError("no luck")


OTHER = "data: {name: sample}"


@pytest.mark.parametrize(
    ("words", "key", "said"),
    [
        (["forcings=[insolation,insolatoin]"], "forcings.1", "no forcing called 'insolatoin'"),
        (
            [f"+domains.sea={{{OTHER}, forcings: [nothing]}}"],
            "domains.sea.forcings.0",
            "nothing",
        ),
        (["training.device=cudaa"], "training.device", "'cudaa' is not available on this machine."),
        (["dates.start=yesterday"], "dates.start", "'yesterday' is not a date."),
        (["dates.start='2020-02-01'", "dates.end='2020-01-01'"], "dates.end", "is before dates.start"),
        (
            [f"+domains.sea={{{OTHER}, frequency: often}}"],
            "domains.sea.frequency",
            "'often'",
        ),
        ([f"+domains.hidden={{{OTHER}}}"], "domains.hidden", "a word other than 'hidden'"),
        (
            ["objective.lead_time=soon"],
            "objective",
            "the objective cannot be built: 'soon' is not a duration.",
        ),
        (["data=synthetic", "data.grid=O"], "data", "There is no grid 'O'."),
        (["data=zarr", "data.path=gone.zarr", "+data.frequency=often"], "data.frequency", "'often'"),
        (["data=concat", "data.sources=[]"], "data", "there are no sources"),
        (
            ["data=join", "data.sources=[{name: zarr, path: a.zarr, area: [0, 0, 90, 0]}]"],
            "data.sources.0.area",
            "is no area",
        ),
        (
            ["variables.drop=[msl]", "variables.forcing=[msl]"],
            "variables.drop",
            "msl is in variables.forcing",
        ),
        ([f"graph._target_={__name__}.NoGraph"], "graph", "the graph cannot be built"),
        ([f"+trackers.mine={{_target_: {__name__}.NoTracker}}"], "trackers.mine", "no luck"),
        (["~graph"], "", "The model needs a graph, but none is named."),
        (["~data"], "", "No data are named."),
        (["data._target_=os.path.join"], "data._target_", "is not a source"),
    ],
)
def test_validating_refuses_what_a_training_refuses_before_it_reads_data(words, key, said):
    composition = compose("train", words)
    [problem] = problems(composition)
    assert problem.key == key
    assert said in problem.what
    assert not key or problem.where
    with pytest.raises(ConfigError) as error:
        prepare(composition)
    assert said in str(error.value)


def test_one_source_laid_over_another_drops_its_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "train.yaml").write_text("data: {name: sample}\n")
    assert problems(compose("train", ["data=zarr"])) == []
    assert compose("train", ["data=zarr"]).get("data") == {"name": "sample"}
    [problem] = problems(compose("train", ["data=zarr", "data.path=mine.zarr"]))
    assert problem.key == "data.path"
    assert "not an option of source sample" in problem.what
