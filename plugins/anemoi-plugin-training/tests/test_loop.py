import numpy as np
import pytest
import torch
from anemoi.core.graph import Nodes
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.processor import Processor
from anemoi.core.model import ForecastModel
from torch import nn

from anemoi_plugin_training.loop import optimise, phases, rollout_loss
from anemoi_plugin_training.loss import WeightedMSE
from anemoi_plugin_training.samples import Samples, model_statistics
from anemoi_plugin_training.settings import TrainingSettings

HIDDEN = Nodes(torch.tensor([0.0, 45.0]).double(), torch.tensor([0.0, 90.0]).double())


class Down(Mapper):
    def __init__(self, channels_in, out):
        nn.Module.__init__(self)
        self.linear = nn.Linear(channels_in, out)

    def forward(self, source, target, condition=None):
        return self.linear(source).mean(1, keepdim=True).expand(-1, target.shape[1], -1)


class Up(Mapper):
    def __init__(self, channels, channels_target, out):
        nn.Module.__init__(self)
        self.linear = nn.Linear(channels + channels_target, out)

    def forward(self, source, target, condition=None):
        return self.linear(
            torch.cat([source.mean(1, keepdim=True).expand(-1, target.shape[1], -1), target], -1)
        )


class Same(Processor):
    def __init__(self):
        nn.Module.__init__(self)

    def forward(self, x, condition=None):
        return x.tanh()


def make(source, seed=0):
    torch.manual_seed(seed)
    names = ("cos_local_time",)
    features = ForecastModel.channels_in(source.variables, names, 2)
    return ForecastModel(
        encoder=Down(features, 8),
        processor=Same(),
        decoder=Up(8, features, len(source.variables)),
        hidden=HIDDEN,
        variables=source.variables,
        forcings=names,
        statistics=model_statistics(source, source.times),
        input_steps=2,
    )


def make_loss(source):
    areas = torch.from_numpy(source.grid.areas).float()
    return WeightedMSE(node_weights=areas / areas.sum(), variable_weights=torch.tensor([0.25, 0.75]))


def samples_of(source, rollout):
    return Samples.within(source, source.times, inputs=2, rollout=rollout, forcings=("cos_local_time",))


def run(source, seed=0, **settings):
    settings = TrainingSettings(seed=seed, **{"steps": 30, "rollout": 2, "rollout_steps": 10, **settings})
    samples = {rollout: samples_of(source, rollout) for rollout, _ in phases(settings)}
    return list(optimise(make(source, seed), make_loss(source), samples, settings, torch.device("cpu")))


def test_the_loss_is_the_area_and_variable_weighted_mean_square(random_source):
    source = random_source()
    prediction, target = torch.randn(2, 3, 4, 20, 2).unbind()
    areas = source.grid.areas
    expected = np.mean(
        [
            [
                sum(
                    weight * np.average((prediction - target)[b, e, :, v].numpy() ** 2, weights=areas)
                    for v, weight in enumerate([0.25, 0.75])
                )
                for e in range(4)
            ]
            for b in range(3)
        ]
    )
    assert float(make_loss(source)(prediction, target)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("members", [1, 3])
def test_rollout_loss_is_that_of_a_forecast_by_hand(random_source, members):
    source = random_source(members=members)
    model, loss = make(source), make_loss(source)
    states, known = samples_of(source, 3)[[4]]
    ours = rollout_loss(model, loss, model.normalise(states), known)
    older, newer, total = states[:, 0], states[:, 1], 0.0
    tendency_stdev = model_statistics(source, source.times).tendency_stdev
    for step in range(3):
        window = torch.stack([model.normalise(older), model.normalise(newer)], dim=1)
        older, newer = newer, model.denormalise(model(window, known[:, step]))
        total += loss(newer / tendency_stdev, states[:, 2 + step] / tendency_stdev).item()
    assert ours.item() == pytest.approx(total / 3, rel=2e-3)


def test_the_loss_of_no_change_is_about_one(random_source):
    source = random_source(times=200)
    model, loss = make(source), make_loss(source)
    nn.init.zeros_(model.decoder.linear.weight)
    nn.init.zeros_(model.decoder.linear.bias)
    samples = samples_of(source, 1)
    values = [
        rollout_loss(model, loss, model.normalise(states), known).item()
        for states, known in (samples[[position]] for position in range(len(samples)))
    ]
    assert np.mean(values) == pytest.approx(1, abs=0.05)


def test_the_same_seed_gives_the_same_losses_to_the_bit(random_source):
    source = random_source()
    first, again, other = run(source, seed=3), run(source, seed=3), run(source, seed=4)
    assert first == again
    assert first != other


def test_the_last_steps_are_trained_with_the_rollout():
    assert phases(TrainingSettings(steps=10, rollout=4, rollout_steps=3)) == [(1, 7), (4, 3)]
    assert phases(TrainingSettings(steps=2, rollout=4, rollout_steps=3)) == [(1, 0), (4, 2)]


def test_training_learns(random_source):
    source = random_source(times=60)
    # A change that the last state foretells.
    for time in range(1, 60):
        source.fields[time] = 0.9 * source.fields[time - 1] + 0.1 * np.array([1e5, -3.0], dtype=np.float32)
        source.fields[time, 0, :, 0] += 50 * np.cos(time)
    losses = run(source, steps=150, rollout_steps=0, learning_rate=1e-2)
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])


def test_batches_and_workers_change_nothing_but_speed(random_source):
    source = random_source()
    assert run(source, workers=1, batch_size=3) == run(source, workers=0, batch_size=3)
