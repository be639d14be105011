import dataclasses
from pathlib import Path

import pytest
from anemoi.core.cli import main
from anemoi.core.config import compose
from anemoi.core.config.validate import problems, rehearse
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.interfaces import GraphBuilder
from anemoi_plugin_sample_data import Sample

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
        (["training.blocks.size=4", "training.workers=2"], "training.blocks", "training.workers is 2"),
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


SMALL = ["graph.refinement=1", "model.channels=8", "model.processor.num_layers=1"]


@pytest.fixture
def unread(monkeypatch, tmp_path):
    """A source whose values are never read, and no cache of what an earlier training has read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sample, "read", lambda *_: pytest.fail("values were read"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.processor.num_heads=3"], "8 channels cannot be shared by 3 heads"),
        (["training.batch_size=100000"], "training.batch_size: a batch of 100000 is larger than"),
        (["variables.forcing=[nothing]"], "variables.forcing: the data have no variable 'nothing'"),
        (["transforms.bounding.relu=[nothing]"], "transforms.bounding"),
        (["variables.forcing=[msl]"], "nothing to forecast"),
        (
            ["dates.end=null", "dates.validation.start=2025-12-21", "training.validation.rollout=90"],
            "consecutive",
        ),
    ],
)
def test_what_does_not_fit_the_data_or_the_model_is_refused_before_values_are_read(unread, words, said):
    composition = compose("train", [*SMALL, *words])
    for refuse in (rehearse, prepare):
        try:
            [problem] = refuse(composition)
            told = f"{problem.key}: {problem.what}"
        except AnemoiError as error:
            told = error.what
        assert said in told


def test_data_that_are_not_there_are_told_by_validate(unread, capsys):
    assert main(["config", "validate", "data=zarr", "data.path=nowhere.zarr"]) == 3
    assert "nowhere.zarr does not exist" in capsys.readouterr().err


def test_what_is_right_is_found_so_without_values(unread):
    for words in ([], ["transforms.remapper.log1p=[msl]"], ["variables.may_be_missing=[msl]"]):
        assert rehearse(compose("train", [*SMALL, *words])) == []
