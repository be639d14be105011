"""Metrics that validations of a training compute."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.errors import AnemoiError
from anemoi_plugin_training import prepare

WORDS = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=6",
    "training.rollout_steps=0",
    "training.warmup_steps=2",
    "training.learning_rate=0.3",
    "dates.end='2025-12-12'",
]
VALIDATED = [
    "dates.validation.start='2025-12-13'",
    "training.validation.every_steps=1",
    "training.validation.dates=3",
    "training.validation.rollout=2",
]
ACC = "validation_acc_msl_12h"
MEASURED = [*VALIDATED, "metric=[rmse,acc,bias,crps]", f"training.validation.metric={ACC}"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def lines_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_records_its_metrics_and_the_best_has_the_highest_correlation(tmp_path):
    words = [*WORDS, *MEASURED, "training.steps=40", "training.validation.patience=3"]
    training = prepare(config.compose("train", words))
    training.run(tmp_path / "run")
    lines = lines_of(tmp_path / "run")
    correlations = [line[ACC] for line in lines]
    assert all(-1 <= each <= 1 for each in correlations)
    assert len(lines) == 1 + int(np.argmax(correlations)) + 3 < 40  # then it has not grown three times
    for line in lines:
        for lead in ("6h", "12h"):
            rmse, bias, error = (line[f"validation_{each}_msl_{lead}"] for each in ("rmse", "bias", "crps"))
            assert abs(bias) <= error <= rmse  # of one member, the last is the mean absolute error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metric=[acc]"], r"metrics\.acc: this training has neither a validation nor a test"),
        ([*VALIDATED, "metric=[acc]", "metrics.acc.fair=true"], r"metrics\.acc\.fair"),
        ([*VALIDATED, "metric=[spread]"], r"metrics\.spread: it takes 2 members or more"),
        ([*VALIDATED, "+metrics.rmse.name=rmse"], r"metrics\.rmse: every validation has a rmse of its own"),
        (
            [*VALIDATED, "metric=[acc]", "training.validation.metric=validation_bias_msl_6h"],
            r"validation gives no 'validation_bias_msl_6h'",
        ),
    ],
)
def test_metrics_that_will_not_do_are_refused(words, said):
    with pytest.raises(AnemoiError, match=said):
        prepare(config.compose("train", [*WORDS, *words]))


def test_two_processes_compute_the_metrics_of_one(tmp_path):
    words = [*WORDS, *MEASURED, "training.steps=2", "training.learning_rate=1e-3"]
    program = tmp_path / "program.py"
    program.write_text("import sys; from anemoi.core.cli import main; sys.exit(main(sys.argv[1:]))")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)]
    done = subprocess.run(
        [
            sys.executable,
            *launch,
            "train",
            *words,
            "training.batch_size=1",
            "--output",
            str(tmp_path / "two"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    prepare(config.compose("train", [*words, "training.batch_size=2"])).run(tmp_path / "one")
    for two, one in zip(lines_of(tmp_path / "two"), lines_of(tmp_path / "one"), strict=True):
        measured = {name: value for name, value in one.items() if name.startswith("validation")}
        assert len(measured) == 3 + 4 * 2
        assert {name: two[name] for name in measured} == pytest.approx(measured, rel=1e-4)
