import re
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from anemoi.core.config import Builder
from anemoi.core.graph import Edges, Graph, Nodes
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.processor import Processor
from anemoi.core.model import EncoderProcessorDecoder, ForecastModel
from anemoi.core.objectives import Rollout
from anemoi.core.transforms import build_chain
from torch import nn

from anemoi_plugin_training import state
from anemoi_plugin_training.batches import batches
from anemoi_plugin_training.calling import Callbacks
from anemoi_plugin_training.criterion import build_criterion
from anemoi_plugin_training.descent import Descent
from anemoi_plugin_training.engine import OneDevice
from anemoi_plugin_training.loop import DivergedError, Optimisation, phases
from anemoi_plugin_training.optimisers.muon import Muon
from anemoi_plugin_training.parallelism import parallelise
from anemoi_plugin_training.samples import Samples, normalised
from anemoi_plugin_training.schedules.warmup_cosine import WarmupCosine
from anemoi_plugin_training.settings import BlockSettings, TrainingSettings

from .memory import NORMALISED

BLOCKS = {"blocks": BlockSettings(size=3, mixed=2), "batch_size": 2}
CPU = torch.device("cpu")
SCALERS = {
    "area": {"name": "area"},
    "tendency": {"name": "tendency-variance"},
    "variable": {"name": "variable"},
}


class Down(Mapper):
    def __init__(self, *, source_channels, out_channels, **rest):
        nn.Module.__init__(self)
        self.linear = nn.Linear(source_channels, out_channels)

    def forward(self, source, target, condition=None):
        return self.linear(source).mean(1, keepdim=True).expand(-1, target.shape[1], -1)


class Up(Mapper):
    def __init__(self, *, source_channels, target_channels, out_channels, **rest):
        nn.Module.__init__(self)
        self.linear = nn.Linear(source_channels + target_channels, out_channels)

    def forward(self, source, target, condition=None):
        return self.linear(
            torch.cat([source.mean(1, keepdim=True).expand(-1, target.shape[1], -1), target], -1)
        )


class Same(Processor):
    def __init__(self, **rest):
        nn.Module.__init__(self)

    def forward(self, x, condition=None):
        return x.tanh()


class At(Builder):
    """Builds a class that is at hand."""

    def __call__(self, **structure):
        return self.component(**structure)

    @property
    def component(self):
        return self.spec["class"]


def graph_over(grid):
    def edges(sources, targets):
        return Edges(torch.arange(1), torch.arange(1), torch.zeros(1, 1), ("none",))

    data = Nodes(torch.from_numpy(grid.latitudes), torch.from_numpy(grid.longitudes))
    hidden = Nodes(torch.tensor([0.0, 45.0]).double(), torch.tensor([0.0, 90.0]).double())
    ends = [("data", "hidden"), ("hidden", "hidden"), ("hidden", "data")]
    return Graph({"data": data, "hidden": hidden}, {each: edges(*each) for each in ends})


def make(data, steps, seed=0, objective=None, processor=None):
    torch.manual_seed(seed)
    chain = build_chain(NORMALISED, data["data"].domain)
    network = EncoderProcessorDecoder(
        domains={"data": chain.after},
        graph=graph_over(data["data"].domain.grid),
        steps=steps,
        channels=8,
        encoder=At("mapper", {"class": Down}),
        processor=At("processor", {"class": processor or Same}),
        decoder=At("mapper", {"class": Up}),
    )
    return ForecastModel(
        network=network, transforms={"data": chain}, steps=steps, objective=objective or Rollout()
    )


def criterion_of(model, **weights):
    scalers = {**SCALERS, "variable": {"name": "variable", **weights}}
    return build_criterion({"name": "mse"}, scalers, model.normalised, model.steps)


def run(source, data_of, seed=0, **settings):
    settings = TrainingSettings(seed=seed, **{"steps": 30, "rollout": 2, "rollout_steps": 10, **settings})
    data, steps = data_of(source, ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}
    model = make(data, steps, seed)
    return [step.loss for step in optimisation(model, samples, settings).steps()]


def optimisation(model, samples, settings, engine=OneDevice(CPU), kind=Muon):  # noqa: B008 (it has no state)
    optimiser = kind(learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = WarmupCosine(steps=settings.steps, warmup_steps=settings.warmup_steps)
    forward = parallelise(model, settings, engine)
    descent = Descent(model, optimiser, schedule)
    none = Callbacks({}, model=model, optimisers=descent.optimisers, steps=settings.steps, seed=0)
    return Optimisation(model, forward, criterion_of(model), samples, descent, none, settings, engine)


@pytest.mark.parametrize("members", [1, 3])
def test_the_loss_of_a_rollout_is_that_of_a_forecast_by_hand(random_source, data_of, members):
    source = random_source(members=members)
    data, steps = data_of(source, ["cos_local_time"])
    model, samples = make(data, steps), Samples.within(data, steps, count=3)
    batch = samples[[4]]
    sample = normalised(model, batch, samples, CPU)
    ours = model.objective.loss(model, sample, criterion_of(model), torch.Generator())
    states, known = batch.states["data"], batch.forcings["data"]
    domain, names, areas = data["data"].domain, source.variables, source.grid.areas
    older, newer = states[:, 0], states[:, 1]
    for step in range(3):
        window = torch.stack(
            [model.normalise("data", older, names), model.normalise("data", newer, names)], dim=1
        )
        at = known[:, step : step + 2, None].expand(-1, -1, members, -1, -1)
        inputs = torch.cat([window, at], dim=-1)
        older, newer = newer, model.denormalise("data", model({"data": inputs})["data"][:, 0])
        error = (newer - states[:, 2 + step]).detach().numpy().astype("f8") / domain.changes.stdev[:2]
        expected = np.average((error**2).mean(axis=(0, 1, 3)), weights=areas)
        assert ours[step].item() == pytest.approx(expected, rel=2e-3)


def test_the_loss_of_no_change_is_about_one(random_source, data_of):
    data, steps = data_of(random_source(times=200), ["cos_local_time"])
    model, samples = make(data, steps), Samples.within(data, steps, count=1)
    nn.init.zeros_(model.network.decoders["data"].linear.weight)
    nn.init.zeros_(model.network.decoders["data"].linear.bias)
    criterion = criterion_of(model)
    values = [
        model.objective.loss(
            model, normalised(model, samples[[position]], samples, CPU), criterion, torch.Generator()
        ).item()
        for position in range(len(samples))
    ]
    assert np.mean(values) == pytest.approx(1, abs=0.05)


def test_the_same_seed_gives_the_same_losses_to_the_bit(random_source, data_of):
    source = random_source()
    first, again, other = (run(source, data_of, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_last_steps_are_trained_with_the_rollout():
    assert phases(TrainingSettings(steps=10, rollout=4, rollout_steps=3)) == [(1, 7), (4, 3)]
    assert phases(TrainingSettings(steps=2, rollout=4, rollout_steps=3)) == [(1, 0), (4, 2)]


def test_training_learns(random_source, data_of):
    source = random_source(times=60)
    # A change that the last state foretells.
    for time in range(1, 60):
        source.fields[time] = 0.9 * source.fields[time - 1] + 0.1 * np.array([1e5, -3.0], dtype=np.float32)
        source.fields[time, 0, :, 0] += 50 * np.cos(time)
    losses = run(source, data_of, steps=150, rollout_steps=0, learning_rate=1e-2)
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])


def test_batches_and_workers_change_nothing_but_speed(random_source, data_of):
    source = random_source()
    assert run(source, data_of, workers=1, batch_size=3) == run(source, data_of, workers=0, batch_size=3)


def test_a_training_learns_where_a_variable_is_missing(random_source, data_of):
    source = random_source(times=40)
    source.fields[:, :, 3:6, 1] = np.nan
    losses = run(source, partial(data_of, may_be_missing=["v1"]), steps=20)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 9])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimiser": "adamw", "batch_size": 3, "workers": 1}, BLOCKS],
)
def test_a_training_that_is_taken_up_again_has_the_same_losses_to_the_bit(
    random_source, data_of, tmp_path, after, options
):
    settings = TrainingSettings(steps=10, rollout=3, rollout_steps=5, warmup_steps=3, **options)
    data, steps = data_of(random_source(), ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}

    def begin(seed):
        model = make(data, steps, seed, processor=Noisy)
        return optimisation(model, samples, settings)

    whole = list(begin(0).steps())
    first = begin(0)
    taken = list(islice(first.steps(), after))
    state.write(tmp_path / "state", *state.packed(first.state()))
    weights = {name: weight.clone() for name, weight in first.model.state_dict().items()}
    list(first.steps())  # what happens to the first one afterwards is nothing to the second
    second = begin(1)
    second.restore(state.read(tmp_path / "state"), weights)
    assert taken + list(second.steps()) == whole
    assert len({step.learning_rate for step in whole}) > 5


class Noisy(Same):
    """Draws from the random numbers of layers."""

    def forward(self, x, condition=None):
        return torch.nn.functional.dropout(x.tanh(), 0.1, self.training)


def test_a_step_tells_its_losses_its_learning_rate_and_the_norm_of_its_gradient(random_source, data_of):
    settings = TrainingSettings(
        steps=4, rollout=3, rollout_steps=2, warmup_steps=2, learning_rate=0.1, gradient_clip=1e-9
    )
    data, steps = data_of(random_source(), ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}
    model = make(data, steps)
    training = optimisation(model, samples, settings)
    taken = []
    for step in training.steps():
        taken.append(step)
        clipped = torch.stack([each.grad.norm() for each in model.parameters()]).norm()
        assert step.gradient_norm > 1e-3 > clipped.item()
    assert [len(step.losses) for step in taken] == [1, 1, 3, 3]
    assert all(step.loss == pytest.approx(np.mean(step.losses)) for step in taken)
    assert [step.learning_rate for step in taken] == pytest.approx([0.05, 0.1, 0.1, 0.05])


def test_a_loss_that_is_not_finite_tells_the_dates_and_leaves_the_state_before(random_source, data_of):
    source = random_source()
    settings = TrainingSettings(steps=30, rollout_steps=0)
    data, steps = data_of(source, ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}
    model = make(data, steps)
    training = optimisation(model, samples, settings)
    source.fields[6] = np.inf  # read after the statistics were taken
    known = []

    def snapshot():
        known[:] = [weight.clone() for weight in model.state_dict().values()]
        known.append(training.state()["generators"]["objective"])

    def take_all():
        snapshot()
        for _ in training.steps():
            snapshot()

    with pytest.raises(DivergedError) as caught:
        take_all()
    begin = re.search(r"begin at (\S+)\.", caught.value.what)[1]
    number = int(re.search(r"at step (\d+)", caught.value.what)[1])
    offsets = steps["data"].window(1)
    assert source.times[6] in [np.datetime64(begin, "s") + offset for offset in offsets]
    assert training.taken == number - 1
    before = list(known)
    snapshot()
    assert all(torch.equal(*pair) for pair in zip(before, known, strict=True))


def test_the_share_of_a_step_that_is_spent_waiting_for_data_is_measured(random_source, data_of, monkeypatch):
    settings = TrainingSettings(steps=6, rollout_steps=0)
    source = random_source()
    data, steps = data_of(source, ["cos_local_time"])
    training = optimisation(make(data, steps), {1: Samples.within(data, steps, count=1)}, settings)
    now = [0.0]
    monkeypatch.setattr("anemoi_plugin_training.loop.time.perf_counter", lambda: now[0])
    drawn = batches(training._samples[1], batch_size=1, seed=0, workers=0)

    def slow(*arguments, **options):
        for batch in drawn:
            now[0] += 3.0
            yield batch

    monkeypatch.setattr("anemoi_plugin_training.loop.batches", slow)
    monkeypatch.setattr(
        training, "_clip", lambda clip=training._clip: now.__setitem__(0, now[0] + 1.0) or clip()
    )
    assert [step.waiting for step in training.steps()] == [0.75] * 6


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"rollout": 4}, [(1, 3), (4, 7)]),
        ({"rollout": 4, "rollout_every": 2}, [(1, 3), (2, 2), (3, 2), (4, 3)]),
        ({"rollout": 4, "rollout_every": 5}, [(1, 3), (2, 5), (3, 2), (4, 0)]),
        ({"rollout": 2, "rollout_every": 5}, [(1, 3), (2, 7)]),
        ({"rollout": 1, "rollout_every": 5}, [(1, 3), (1, 7)]),
        ({"rollout": 4, "rollout_start": 2, "rollout_every": 3}, [(2, 3), (3, 3), (4, 4)]),
        ({"rollout": 2, "rollout_start": 3}, [(2, 3), (2, 7)]),
        ({"rollout": 3, "rollout_every_epochs": 2}, [(1, 3), (2, 4), (3, 3)]),
    ],
)
def test_rollouts_grow(options, expected):
    assert phases(TrainingSettings(steps=10, rollout_steps=7, **options), 2) == expected
    assert sum(steps for _, steps in expected) == 10


def test_an_epoch_is_as_many_steps_as_see_each_sample_once():
    settings = TrainingSettings(batch_size=2, accumulate=3)
    assert settings.steps_per_epoch(24, 2) == 2
    assert settings.steps_per_epoch(25, 2) == 3
