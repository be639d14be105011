"""Dates shared out among the workers of a cluster have the scores of one after another, to the bit."""

import json
import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from anemoi.core.checkpoint import load
from anemoi.core.cli.main import main
from anemoi.core.errors import RequestError
from anemoi_plugin_sample_data.sources import Sample
from anemoi_plugin_training import train

from anemoi_plugin_verification.scoring import Spread
from anemoi_plugin_verification.verification import verify

PERIOD = {"start": "2025-12-24", "end": "2025-12-25T06", "lead_time": "12h", "lagged": 2}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    words = ["graph.refinement=1", "model.channels=8", "model.processor.num_layers=1"]
    words += ["training.steps=2", "training.rollout_steps=0"]
    return train(*words, output=tmp_path_factory.mktemp("tiny") / "run")


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client


def sources():
    return {"data": Sample()}


def test_scores_over_a_cluster_are_the_same_to_the_bit_though_a_worker_is_lost(tiny, client):
    checkpoint = load(tiny)
    alone = verify(checkpoint, Sample(), **PERIOD).domain.evaluation
    seen = []

    def kill(done, total):
        seen.append(done)
        if done == 1:
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    spread = Spread(connect=lambda forecasts: nullcontext(client), sources=sources)
    shared = verify(checkpoint, Sample(), **PERIOD, spread=spread, progress=kill).domain.evaluation
    assert seen == list(range(len(alone.starts) + 1))
    assert np.array_equal(shared.starts, alone.starts)
    same = partial(np.testing.assert_array_equal, strict=True)  # NaN is equal to NaN
    for name, values in alone.metrics.items():
        for who, expected in values.overall.items():
            same(shared.metrics[name].overall[who], expected)
            same(shared.metrics[name].by_start[who], values.by_start[who])


def test_the_command_gives_the_same_over_a_scheduler(tiny, client, capsys):
    words = ["evaluate", str(tiny), "--json", "--start", "2025-12-25", "--lead-time", "12h"]
    found = []
    for more in ([], ["--dask-scheduler", client.scheduler.address]):
        main([*words, *more])
        found.append(json.loads(capsys.readouterr().out)["scores"])
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_workers_need_a_checkpoint_in_a_file(tiny):
    spread = Spread(connect=nullcontext, sources=sources)
    with pytest.raises(RequestError, match="in no file"):
        verify(replace(load(tiny), path=None), Sample(), **PERIOD, spread=spread)
