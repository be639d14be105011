import json

import numpy as np
import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import build_model, load
from anemoi.core.errors import AnemoiError
from anemoi.core.objectives import Rollout
from torch import nn

from anemoi_plugin_training import prepare
from anemoi_plugin_training.domains import training_times, validation_times
from anemoi_plugin_training.engine import OneDevice
from anemoi_plugin_training.opening import _check_metric
from anemoi_plugin_training.past import Past
from anemoi_plugin_training.samples import Samples
from anemoi_plugin_training.saving import saved
from anemoi_plugin_training.scores import metric_builders
from anemoi_plugin_training.settings import DateSettings, PeriodSettings, ValidationSettings
from anemoi_plugin_training.validation import Validation, metric_names

from .memory import HOUR
from .test_loop import CPU, criterion_of, make

WORDS = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=9",
    "training.rollout_steps=2",
    "training.warmup_steps=3",
    "dates.end='2025-12-10'",
]
VALIDATED = [
    "dates.validation.start='2025-12-11'",
    "dates.validation.end='2025-12-15'",
    "training.validation.every_steps=2",
    "training.validation.dates=5",
    "training.validation.rollout=2",
]


def validation_of(source, data_of, *, count=3, dates=5, members=1, batch_size=2, metrics=None, **roles):
    data, steps = data_of(source, ["cos_local_time"], **roles)
    model, samples = make(data, steps), Samples.within(data, steps, count=count)
    criterion = criterion_of(model)
    options = {"dates": dates, "members": members, "batch_size": batch_size, "seed": 0}
    options |= {"engine": OneDevice(CPU)}
    options |= {"metrics": metrics or {}, "past": {"data": source.times}}
    return model, samples, Validation(model, criterion, samples, **options)


def forecasts(model, source, samples, positions):
    """The forecast from each start and the truth, ``(start, step, ensemble, grid, variable)``, by hand."""
    made, truths = [], []
    for position in positions:
        batch = samples[[position]]
        known, states = batch.forcings["data"], batch.states["data"]
        older, newer = states[:, 0], states[:, 1]
        steps = []
        for step in range(samples.count):
            window = torch.stack(
                [model.normalise("data", each, source.variables) for each in (older, newer)], dim=1
            )
            at = known[:, step : step + 2, None].expand(*window.shape[:-1], -1)
            inputs = torch.cat([window, at], dim=-1)
            with torch.no_grad():
                outputs = model({"data": inputs})["data"][:, 0]
            older, newer = newer, model.denormalise("data", outputs)
            steps.append(newer[0])
        made.append(torch.stack(steps))
        truths.append(states[0, 2:])
    return torch.stack(made).numpy().astype("f8"), torch.stack(truths).numpy().astype("f8")


def test_errors_are_those_of_forecasts_by_hand(random_source, data_of):
    source = random_source(times=30)
    model, samples, validation = validation_of(source, data_of)
    metrics = validation()
    assert len(samples) == 26
    positions = [0, 6, 12, 19, 25]
    assert [each for batch in validation.batches for each in batch] == positions
    made, truth = forecasts(model, source, samples, positions)
    areas, stdev = source.grid.areas, samples.data["data"].domain.changes.stdev
    losses = []
    for step in range(3):
        square = (made[:, step] - truth[:, step]) ** 2
        for column, name in enumerate(("v0", "v1")):
            rmse = np.sqrt(np.average(square[..., column].mean(axis=(0, 1)), weights=areas))
            assert metrics[f"validation_rmse_{name}_{6 * (step + 1)}h"] == pytest.approx(rmse, rel=1e-3)
        losses.append(np.average((square / stdev[:2] ** 2).mean(axis=(0, 1, 3)), weights=areas))
        assert metrics[f"validation_loss_{6 * (step + 1)}h"] == pytest.approx(losses[-1], rel=2e-3)
    assert metrics["validation_loss"] == pytest.approx(np.mean(losses), rel=2e-3)
    assert len(metrics) == 1 + 3 + 3 * 2


def test_no_error_counts_where_there_is_no_truth_and_a_forecast_that_is_not_finite_is_seen(
    random_source, data_of
):
    source = random_source(times=20)
    source.fields[:, :, 3:6, 1] = np.nan
    model, samples, validation = validation_of(source, data_of, count=1, may_be_missing=["v1"])
    made, truth = forecasts(model, source, samples, [0, 4, 8, 13, 17])
    there = np.setdiff1d(np.arange(20), [3, 4, 5])
    square = ((made - truth) ** 2)[..., there, 1].mean(axis=(0, 1, 2))
    expected = np.sqrt(np.average(square, weights=source.grid.areas[there]))
    assert validation()["validation_rmse_v1_6h"] == pytest.approx(expected, rel=1e-3)
    nn.init.constant_(model.network.decoders["data"].linear.bias, torch.nan)
    assert np.isnan(validation()["validation_rmse_v0_6h"])


class Kept:
    """A metric that keeps all that it is given, and scores the number of dates."""

    better, perfect, least_members = "nearer", 7.0, 1

    def __init__(self, *, domain, lead_times):
        self.domain, self.lead_times, self.dates = domain, lead_times, []

    def update(self, forecast, truth, climatology):
        self.dates.append((forecast, truth, climatology))

    def compute(self):
        rows, columns = len(self.lead_times), len(self.domain.outputs)
        return len(self.dates) + np.arange(rows * columns).reshape(rows, columns)


def test_a_metric_is_given_forecasts_truth_and_the_mean_of_the_past_date_by_date(random_source, data_of):
    source, made = random_source(times=52), []
    source.fields[:, :, 3, 1] = np.nan

    def build(**structure):
        made.append(Kept(**structure))
        return made[-1]

    model, samples, validation = validation_of(
        source, data_of, metrics={"kept": build}, may_be_missing=["v1"]
    )
    metrics = validation()
    [kept] = made
    assert kept.domain is model.domains["data"]
    assert [int(each / HOUR) for each in kept.lead_times] == [6, 12, 18]
    positions = [0, 12, 24, 35, 47]
    there = np.setdiff1d(np.arange(20), [3])
    forecast, truth = forecasts(model, source, samples, positions)
    for number, position in enumerate(positions):
        own, true, normal = kept.dates[number]
        np.testing.assert_allclose(own[..., there, :], forecast[number][..., there, :], rtol=1e-6)
        np.testing.assert_allclose(true, truth[number][:, 0], rtol=1e-6)
        for step in range(3):
            # 13 states for each time of day: every fourth of the source's, those of the same place in the day
            same = source.fields[(position + 2 + step) % 4 :: 4]
            np.testing.assert_allclose(normal[step], same.mean(axis=(0, 1), dtype="f8"), rtol=1e-6)
    found = {name: value for name, value in metrics.items() if "_kept_" in name}
    expected = {6: (5.0, 6.0), 12: (7.0, 8.0), 18: (9.0, 10.0)}
    assert found == {
        f"validation_kept_{variable}_{lead}h": expected[lead][column]
        for lead in expected
        for column, variable in enumerate(("v0", "v1"))
    }
    assert metric_names(model.domains, model.steps, 3, ["kept"]) == list(metrics)
    assert (
        validation.cost("validation_kept_v1_6h", 6.0) == validation.cost("validation_kept_v0_18h", 8.0) == 1
    )
    assert validation.cost("validation_loss", 6.0) == 6.0


def test_forecasts_of_several_members_have_scores_over_all_and_errors_of_their_mean(random_source, data_of):
    source, made = random_source(times=30), []

    def build(**structure):
        made.append(Kept(**structure))
        made[-1].least_members = 3
        return made[-1]

    model, _, validation = validation_of(source, data_of, members=3, metrics={"kept": build})
    objective = model.objective

    def advance(model, inputs, generator):
        """Members with a bias of -1, 0 and 4, which they keep for themselves."""
        outputs = Rollout.advance(objective, model, inputs, generator)
        return {name: each + torch.tensor([-1.0, 0.0, 4.0]).view(-1, 1, 1) for name, each in outputs.items()}

    objective.advance = advance
    metrics = validation()
    [kept] = made
    forecast, truth = (np.stack([date[place] for date in kept.dates]) for place in (0, 1))
    assert forecast.shape[:3] == (5, 3, 3)  # dates, lead times, members
    apart = forecast[:, 0, 2] - forecast[:, 0, 1]
    stdev = model.domains["data"].statistics.stdev[:2]
    np.testing.assert_allclose(apart, np.broadcast_to(4 * stdev, apart.shape), rtol=1e-3)
    square = (forecast.mean(axis=2, dtype="f8") - truth) ** 2  # (date, lead time, grid, variable)
    wanted = np.sqrt(np.average(square.mean(axis=0), axis=1, weights=source.grid.areas))
    found = [metrics[f"validation_rmse_{name}_{lead}h"] for lead in (6, 12, 18) for name in ("v0", "v1")]
    np.testing.assert_allclose(found, wanted.ravel(), rtol=1e-3)


def test_a_metric_of_more_members_than_are_forecast_is_refused(random_source, data_of):
    class OfTwo(Kept):
        least_members = 2

    _, _, validation = validation_of(random_source(times=30), data_of, metrics={"kept": OfTwo})
    with pytest.raises(AnemoiError, match=r"metrics\.kept: it takes 2 members or more(.|\n)*members=8"):
        validation()


def test_a_short_past_has_one_mean_for_all_times_of_day(random_source):
    source = random_source(times=24, missing=[2])
    past = Past(source, source.times, ("v1",))
    means = past.at(source.times[[0, 1]])  # (times, grid, variables)
    there = np.setdiff1d(np.arange(24), [2])
    expected = source.fields[there][..., [1]].mean(axis=(0, 1), dtype="f8")
    np.testing.assert_allclose(means, np.stack([expected] * 2), rtol=1e-6)
    reads = source.reads
    past.at(source.times)
    assert source.reads == reads


def test_a_metric_of_a_name_that_is_taken_is_refused():
    with pytest.raises(AnemoiError, match=r"metrics\.loss: every validation has a loss of its own"):
        metric_builders({"loss": {"name": "bias"}})


def test_the_best_is_not_that_of_a_metric_of_which_no_value_is_better(random_source, data_of):
    data, steps = data_of(random_source(times=12))
    domains, better = {"data": data["data"].domain}, {"kept": True, "spread": False}
    _check_metric(ValidationSettings(metric="validation_kept_v1_6h"), domains, steps, better)
    with pytest.raises(AnemoiError, match=r"two values of validation_spread_v1_6h neither is the better"):
        _check_metric(ValidationSettings(metric="validation_spread_v1_6h"), domains, steps, better)


def test_the_root_mean_square_error_can_be_named_and_needs_nothing():
    assert config.compose("train", ["metric=[rmse]"]).values["metrics"] == {}


def test_validating_leaves_the_training_as_it_was(random_source, data_of):
    model, _, validation = validation_of(random_source(times=20), data_of)
    model.train()
    random = torch.get_rng_state()
    assert validation() == validation()
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(each.grad is None for each in model.parameters())


def test_the_training_period_ends_where_validation_begins(random_source):
    source = random_source(times=12)
    begin, end = str(source.times[7]), str(source.times[9])
    dates = DateSettings(start=str(source.times[2]), validation=PeriodSettings(start=begin, end=end))
    assert list(training_times(source, dates)) == list(source.times[2:7])
    assert list(validation_times(source, dates)) == list(source.times[7:10])
    late = DateSettings(validation=PeriodSettings(start=str(source.times[-1] + HOUR)))
    with pytest.raises(AnemoiError, match=r"dates\.validation\.start"):
        validation_times(source, late)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dates.validation.start='2025-12-09'"], "not before the validation period begins"),
        (["dates.validation.end='2025-12-12'"], "an end, but no start"),
        (["dates.validation.start=soon"], r"dates\.validation\.start: 'soon' is not a date"),
        (
            ["dates.validation.start='2025-12-12'", "dates.validation.end='2025-12-11'"],
            r"dates\.validation\.end: .* is before dates\.validation\.start",
        ),
        (
            ["dates.validation.start='2025-12-12'", "training.validation.metric=validation_rmse_msl_30h"],
            r"training\.validation\.metric: validation gives no 'validation_rmse_msl_30h'(.|\n)*_rmse_msl_\d",
        ),
        (
            ["dates.validation.start='2025-12-12'", "dates.validation.end='2025-12-12T06'"],
            r"The validation period has 2 times(.|\n)*training\.validation\.rollout",
        ),
        (["training.time_limit=noon"], "11h45m"),
        (["training.validation.members=4"], "all 4 would be the same: the objective draws no random numbers"),
    ],
)
def test_a_mistake_in_the_periods_is_refused(words, said):
    with pytest.raises(AnemoiError, match=said):
        prepare(config.compose("train", [*WORDS, *words]))


def lines_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_records_its_validation_keeps_the_best_and_trains_the_same(tmp_path):
    prepare(config.compose("train", WORDS)).run(tmp_path / "plain")
    training = prepare(config.compose("train", [*WORDS, *VALIDATED]))
    training.run(tmp_path / "validated")
    plain, validated = lines_of(tmp_path / "plain"), lines_of(tmp_path / "validated")
    assert [line["loss"] for line in plain] == [line["loss"] for line in validated]
    losses = {line["step"]: line["validation_loss"] for line in validated if "validation_loss" in line}
    assert list(losses) == [2, 4, 6, 8, 9]
    assert {"validation_rmse_msl_6h", "validation_rmse_msl_12h"} < set(validated[1])
    assert {"loss", "learning_rate", "gradient_norm"} < set(validated[0])
    assert {"loss_6h", "loss_12h"} < set(validated[-1])
    best = build_model(load(tmp_path / "validated" / "best.safetensors"))
    training.model.load_state_dict(best.state_dict())
    assert training.model is not best
    assert _validated(training) == min(losses.values())
    record = json.loads((tmp_path / "validated" / "run.json").read_text())
    assert record["artefacts"] == ["best.safetensors", "checkpoint.safetensors"]


def test_the_best_is_that_of_the_metric_that_was_chosen_and_epochs_count_too(tmp_path):
    words = ["training.validation.metric=validation_rmse_msl_12h", "training.learning_rate=0.3"]
    words += ["training.validation.every_steps=null", "training.validation.every_epochs=1"]
    words += ["training.checkpoint.every_epochs=2", "training.checkpoint.keep=9", "dates.end='2025-12-02T06'"]
    training = prepare(config.compose("train", [*WORDS, *VALIDATED, *words, "training.batch_size=2"]))
    assert len(training.samples[1]) == 4  # two steps
    training.run(tmp_path / "run")
    errors = {
        line["step"]: line["validation_rmse_msl_12h"]
        for line in lines_of(tmp_path / "run")
        if "validation_loss" in line
    }
    assert list(errors) == [2, 4, 6, 8, 9]
    assert [step for step, _ in saved(tmp_path / "run")] == [4, 8]
    training.model.load_state_dict(load(tmp_path / "run" / "best.safetensors").weights)
    assert training._validation(training.validation, "validation")()["validation_rmse_msl_12h"] == min(
        errors.values()
    )


def test_the_names_of_metrics_are_known_before(random_source, data_of):
    _, _, validation = validation_of(random_source(times=12), data_of)
    model = validation._model
    assert metric_names(model.domains, model.steps, 3) == list(validation())
    names = metric_names({**model.domains, "sea": model.domains["data"]}, model.steps, 1)
    assert names[-1] == "validation_rmse_data_v1_6h"


def _validated(training):
    settings = training.settings.training
    return Validation(
        training.model,
        training.criterion,
        training.validation,
        dates=settings.validation.dates,
        batch_size=settings.batch_size,
        seed=settings.seed,
        engine=OneDevice(CPU),
    )()["validation_loss"]


def test_a_training_that_gets_worse_ends_early_and_keeps_its_best(tmp_path):
    words = ["training.validation.patience=2", "training.validation.every_steps=1", "training.steps=100"]
    training = prepare(config.compose("train", [*WORDS, *VALIDATED, *words, "training.learning_rate=3.0"]))
    training.run(tmp_path / "run")
    lines = lines_of(tmp_path / "run")
    losses = [line["validation_loss"] for line in lines]
    assert len(losses) == 1 + int(np.argmin(losses)) + 2 < 100
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"
    training.model.load_state_dict(load(tmp_path / "run" / "best.safetensors").weights)
    assert _validated(training) == min(losses)


def test_a_trained_model_is_tested_on_dates_after_all_others(tmp_path):
    words = ["dates.test.start='2025-12-14'", "training.validation.patience=1", "training.learning_rate=1.0"]
    training = prepare(config.compose("train", [*WORDS, *VALIDATED, "dates.validation.end=null", *words]))
    times = {name: getattr(training, name).data["data"].times for name in ("validation", "test")}
    assert str(times["validation"][-1]) == "2025-12-13T18:00:00"
    assert (str(times["test"][0]), str(times["test"][-1])) == ("2025-12-14T00:00:00", "2025-12-26T18:00:00")
    path = training.run(tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert not any(name.startswith("test") for line in lines[:-1] for name in line)
    found = {name: value for name, value in lines[-1].items() if name.startswith("test")}
    assert set(found) == {"test_loss", *(f"test_{each}" for each in ("loss_6h", "loss_12h"))} | {
        f"test_rmse_msl_{lead}" for lead in ("6h", "12h")
    }
    training.model.load_state_dict(dict(load(path).weights))
    assert training._validation(training.test, "test")() == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dates.test.end='2025-12-15'"], r"dates\.test\.end: the test period has an end, but no start"),
        (
            ["dates.test.start='2025-12-15'"],
            r"dates\.validation\.end: .* not before the test period",
        ),
        (["dates.test.start='2026-02-01'"], "no times from 2026-02-01"),
        (["dates.test.start='2025-12-20'", "dates.test.end='2025-12-19'"], "is before dates.test.start"),
    ],
)
def test_a_test_period_that_will_not_do_is_refused(words, said):
    with pytest.raises(AnemoiError, match=said):
        prepare(config.compose("train", [*WORDS, *VALIDATED, *words]))
