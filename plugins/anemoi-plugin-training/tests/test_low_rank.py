"""Low-rank changes of weights are trained in their place, and checkpoints have the weights."""

import pytest
import torch
from anemoi.core.checkpoint import load
from anemoi.core.config import compose
from anemoi.core.errors import ConfigError
from torch.func import functional_call

from anemoi_plugin_training.descent import Descent
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.low_rank import LowRank, choose
from anemoi_plugin_training.optimisers.adamw import AdamW
from anemoi_plugin_training.schedules.constant import Constant
from anemoi_plugin_training.settings import LowRankSettings
from anemoi_plugin_training.sizes import sizes

from .test_resuming import WORDS, goes_on, leave_after, recorded, same_weights, training_of

SETTINGS = LowRankSettings(weights=["0.*"], rank=2, alpha=6.0)
SCALE = 3.0


def small_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()


def low_rank_of(model):
    choose(model, SETTINGS)
    return LowRank(model, SETTINGS, seed=1)


def test_a_model_is_unchanged_until_a_step_makes_its_weights_again():
    model, before = small_model(), small_model().state_dict()
    low_rank = low_rank_of(model)
    low_rank.merge()
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    a, b = low_rank.parameters().values()
    assert (a.shape, b.shape) == ((2, 5), (4, 2))
    with torch.no_grad():
        b += torch.randn(4, 2, dtype=b.dtype)
    low_rank.merge()
    by_hand = before["0.weight"].clone()
    for row in range(4):
        for column in range(5):
            by_hand[row, column] += SCALE * sum(b[row, each] * a[each, column] for each in range(2))
    torch.testing.assert_close(model[0].weight.detach(), by_hand)
    assert list(model.state_dict()) == list(before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_of_the_factors_are_those_through_the_sum(dtype):
    model = small_model().to(dtype)
    low_rank = low_rank_of(model)
    a, b = low_rank.parameters().values()
    with torch.no_grad():
        b += torch.randn(4, 2, dtype=b.dtype)
    base, x = low_rank.state()["0.weight"]["base"], torch.randn(7, 5, dtype=dtype)
    low_rank.merge()
    model(x).abs().square().sum().backward()
    low_rank.pull_back()
    assert model[0].weight.grad is None
    merged = {"0.weight": base + SCALE * b @ a}
    expected = torch.autograd.grad(functional_call(model, merged, (x,)).abs().square().sum(), (a, b))
    torch.testing.assert_close((a.grad, b.grad), expected)


def test_a_descent_trains_the_factors_at_the_rates_of_their_weights():
    model = small_model()
    before = small_model().state_dict()
    low_rank = low_rank_of(model)
    optimiser = AdamW(learning_rate=0.1, weight_decay=0.0)
    schedule = Constant(steps=3, warmup_steps=0)
    descent = Descent(model, optimiser, schedule, {"0.weight": 0.5}, low_rank)
    assert {group["lr"] for each in descent.optimisers for group in each.param_groups} == {0.05}
    for _ in range(3):
        model.zero_grad()
        model(torch.ones(1, 5, dtype=torch.float64)).square().sum().backward()
        assert len(descent.trained()) == 2
        descent.step(lambda optimisers: [each.step() for each in optimisers])
    changes = {name: each - before[name] for name, each in model.state_dict().items()}
    assert {name for name, each in changes.items() if each.abs().max() > 0} == {"0.weight"}
    assert torch.linalg.matrix_rank(changes["0.weight"]) == 2


LORA = ["training.lora.weights=['processor.*','decoders.*']", "training.lora.rank=2", "training.ema=0.8"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return training_of().run(tmp_path_factory.mktemp("first") / "run")


def adapting(first, *words):
    return training_of(f"training.start.checkpoint='{first}'", *LORA, *words)


@pytest.mark.parametrize("precision", ["32", "bf16-true"])
def test_a_run_that_was_left_goes_on_and_its_checkpoint_has_plain_weights(tmp_path, first, precision):
    word = f"training.precision={precision}"
    whole, left = tmp_path / "whole", tmp_path / "left"
    path = adapting(first, word).run(whole)
    with pytest.raises(InterruptedTraining):
        adapting(first, word).run(left, on_step=leave_after(5))
    goes_on(left)
    assert recorded(left) == recorded(whole)
    assert same_weights(left / path.name, path)
    before, after = load(first).weights, load(path).weights
    assert list(before) == list(after)
    for name, each in after.items():
        chosen = each.ndim > 1 and not name.startswith("network.encoders")
        rounded = before[name].bfloat16().float() if precision == "bf16-true" else before[name]
        assert torch.equal(each, rounded) != chosen
        if chosen and precision == "32":
            values = torch.linalg.svdvals((each - before[name]).double())
            # An average of sums of rank 2 after 12 steps, whose A changes little.
            assert values[2:].square().sum() < 0.1 * values.square().sum()


def test_what_is_said_to_be_trained_is_the_factors(first):
    training = adapting(first)
    choices = dict(training.model.named_parameters())
    count = sum(
        min(2, *each.shape) * sum(each.shape)
        for name, each in choices.items()
        if each.ndim > 1 and not name.startswith("network.encoders")
    )
    assert f"{count:,} of them trained" in training.summary
    assert sum(each.numel() for each in training._descent().trained()) == count
    found = sizes(
        compose("train", [*WORDS, f"training.start.checkpoint='{first}'", *LORA, "optimiser=adamw"])
    )
    assert 2 * 4 * count < found.states < 2.1 * 4 * count + 1000


@pytest.mark.parametrize(
    ("words", "said", "fix"),
    [
        (["training.lora.weights=[prosessor.*]"], "no weight fits the pattern 'prosessor", "processor."),
        (["training.lora.weights=['*.bias']"], r"'\*\.bias' fits no matrix", "two dimensions"),
        (["training.lora.weights=['processor.*']", "training.freeze=['*']"], "all weights are frozen", ""),
        (["training.lora.weights=[]"], "no weights are named", "training.lora.weights=["),
        (["training.start.checkpoint=null"], "there is none", "--from"),
    ],
)
def test_changes_of_nothing_are_refused(first, words, said, fix):
    with pytest.raises(ConfigError, match=said) as caught:
        adapting(first, *words)
    assert fix in str(caught.value)
