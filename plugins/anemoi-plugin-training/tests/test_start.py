"""A training that begins with the weights of a checkpoint takes what fits, and nothing in silence."""

import json
import re

import numpy as np
import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import Checkpoint, load
from anemoi.core.errors import ConfigError
from click.testing import CliRunner

from anemoi_plugin_training import prepare
from anemoi_plugin_training.command import command, quoted
from anemoi_plugin_training.earlier import interrupted
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.saving import saved
from anemoi_plugin_training.settings import StartSettings
from anemoi_plugin_training.start import beginning
from anemoi_plugin_training.start.tracing import trace

from .memory import Memory
from .test_loop import make
from .test_resuming import WORDS, leave_after, training_of

NAMES = ("a", "b", "c")
FIELDS = np.random.default_rng(0).normal(size=(12, 1, 20, 3)).cumsum(axis=0)


def model_of(data_of, *names, **roles):
    """A model of some of three variables, in an order."""
    columns = [NAMES.index(name) for name in names]
    data, steps = data_of(Memory(FIELDS[..., columns], names=names), ["cos_latitude"], **roles)
    return make(data, steps)


def begun(model, other, monkeypatch, **chosen):
    monkeypatch.setattr(beginning, "build_model", lambda *_, **__: other)
    checkpoint = Checkpoint(
        weights=other.state_dict(),
        graph=None,
        domains=other.domains,
        steps=other.steps,
        configuration={},
        overrides=(),
        lock=(),
        provenance={},
    )
    return beginning.begin(model, None, checkpoint, StartSettings(**chosen))


def forecast(model, **values):
    """One step from random states, each variable with those of its name."""
    domain = model.normalised["data"]
    given = {}
    for number, name in enumerate((*NAMES, "cos_latitude")):
        given[name] = torch.randn(1, 2, 1, 20, generator=torch.Generator().manual_seed(number))
    given |= values
    fields = torch.stack([given[name] for name in domain.inputs], dim=-1)
    outputs = model.network({"data": fields})["data"]
    return dict(zip(domain.outputs, outputs.unbind(-1), strict=True))


def assert_same(one, other, names):
    for name in names:
        torch.testing.assert_close(one[name], other[name])


def test_every_number_of_a_weight_is_known_by_the_variable_that_it_sees(data_of):
    model = model_of(data_of, "b", "a", diagnostic=["a"])
    before = {name: each.clone() for name, each in model.state_dict().items()}
    found = trace(model)
    encoder = found["network.encoders.data.linear.weight"]
    # The change of b, b, and the computed forcing at the last time.
    hours = [[int(time / np.timedelta64(1, "h")) for time in each.times] for each in encoder[1]]
    assert [each.variable for each in encoder[1]] == ["b", "b", "cos_latitude"]
    assert hours == [[-6, 0], [0], [0]]
    assert encoder[0] is None
    assert [each.variable for each in found["network.decoders.data.linear.bias"][0]] == ["b", "a"]
    # The decoder is given the latent state as well, which sees everything.
    decoder = found["network.decoders.data.linear.weight"][1]
    latent = len(decoder) - 3
    assert decoder[:latent] == (None,) * latent
    assert [each.variable for each in decoder[latent:]] == ["b", "b", "cos_latitude"]
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_variables_in_another_order_are_taken_with_their_weights(data_of, monkeypatch):
    other, model = model_of(data_of, *"abc"), model_of(data_of, *"cab")
    assert not torch.allclose(forecast(model)["a"], forecast(other)["a"])
    found = begun(model, other, monkeypatch)
    assert found.whole
    assert_same(forecast(model), forecast(other), NAMES)


def test_a_variable_that_is_padded_changes_no_forecast_until_it_is_trained(data_of, monkeypatch):
    other = model_of(data_of, *"ac")
    model = model_of(data_of, *"abc", forcing=["b"])
    with pytest.raises(ConfigError, match=r"(?s)not all .* b: a variable new here, as input \(new or pad\)"):
        begun(model, other, monkeypatch)
    assert str(begun(model, other, monkeypatch, pad=["b"])) == "4 weights taken; padded: b"
    assert_same(forecast(model, b=torch.full((1, 2, 1, 20), 7.0)), forecast(other), "ac")


def test_a_new_variable_begins_fresh_and_the_others_are_forecast_as_before_where_it_is_zero(
    data_of, monkeypatch
):
    other, model = model_of(data_of, *"ac"), model_of(data_of, *"abc")
    fresh = model.network.decoders["data"].linear.bias[1].item()
    begun(model, other, monkeypatch, new=["b"])
    nothing = forecast(model, b=torch.zeros(1, 2, 1, 20))
    assert_same(nothing, forecast(other), "ac")
    assert not torch.allclose(nothing["a"], forecast(model)["a"])
    assert model.network.decoders["data"].linear.bias[1].item() == fresh


def test_a_variable_of_the_checkpoint_is_dropped_only_when_said(data_of, monkeypatch):
    other, model = model_of(data_of, *"abc", diagnostic=["b"]), model_of(data_of, *"ca")
    with pytest.raises(ConfigError, match=r"b: a variable of the checkpoint, as output \(drop\)"):
        begun(model, other, monkeypatch)
    assert begun(model, other, monkeypatch, drop=["?"]).dropped == ("b",)
    assert_same(forecast(model), forecast(other), "ac")


def test_weights_of_another_size_are_filled_up_or_begin_fresh(data_of, monkeypatch):
    other, model = model_of(data_of, *"ab"), model_of(data_of, *"ab")
    layer = model.network.decoders["data"]
    layer.linear = torch.nn.Linear(layer.linear.in_features + 2, 2)
    name, fresh = "decoders.data.linear.weight", layer.linear.weight.detach().clone()
    with pytest.raises(ConfigError, match=rf"{name}: here 2 x \d+, there 2 x \d+ \(new or pad\)"):
        begun(model, other, monkeypatch)
    assert begun(model, other, monkeypatch, new=["decoders.*"]).new == (name,)
    assert torch.equal(layer.linear.weight, fresh)
    begun(model, other, monkeypatch, pad=[name])
    assert torch.equal(layer.linear.weight[:, :-2], other.network.decoders["data"].linear.weight)
    assert torch.equal(layer.linear.weight[:, -2:], fresh[:, -2:])


@pytest.mark.parametrize(
    ("chosen", "said", "fix"),
    [
        ({"new": ["d"], "drop": ["c"]}, r"training\.start\.new: 'd' fits nothing", "are: b"),
        ({"new": ["b"], "pad": ["b"], "drop": ["c"]}, "b is both in new and in pad", ""),
        ({"new": ["b"], "drop": ["c", "a"]}, r"training\.start\.drop: 'a' fits nothing", "c"),
    ],
)
def test_a_choice_of_what_is_not_open_is_an_error(data_of, monkeypatch, chosen, said, fix):
    other, model = model_of(data_of, *"ac"), model_of(data_of, *"ab")
    with pytest.raises(ConfigError, match=said) as caught:
        begun(model, other, monkeypatch, **chosen)
    assert fix in caught.value.fix


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    run = tmp_path_factory.mktemp("first") / "run"
    training_of("training.checkpoint.every_steps=6").run(run)
    return run


def start_at(path, *words):
    return training_of(f"training.start.checkpoint='{path}'", *words)


def test_a_training_begins_with_the_weights_of_another_and_descends_from_it(tmp_path, first):
    words = [*WORDS, "training.steps=2", "training.rollout_steps=0"]
    said = [*words, "--from", str(first / "checkpoint.safetensors"), "--output", str(tmp_path / "run")]
    result = CliRunner().invoke(command, said)
    assert result.exit_code == 0, result.output
    assert "Start: " in result.output
    before = load(first / "checkpoint.safetensors")
    after = load(tmp_path / "run" / "checkpoint.safetensors")
    parents = [each["identity"] for each in after.provenance["parents"] if each["kind"] == "checkpoint"]
    assert parents == [before.identity]
    training = start_at(first / "checkpoint.safetensors")
    assert all(torch.equal(each, before.weights[name]) for name, each in training.model.state_dict().items())


def test_a_finer_hidden_mesh_takes_all_but_what_belongs_to_places(first):
    training = start_at(first / "checkpoint.safetensors", "graph.refinement=2")
    before = load(first / "checkpoint.safetensors").weights
    assert training.beginning.taken == len(before)
    assert training.beginning.whole


def test_the_optimiser_goes_on_where_it_is_kept(tmp_path, first):
    _, path = saved(first)[-1]
    fresh = start_at(path / "checkpoint.safetensors")
    kept = start_at(path / "checkpoint.safetensors", "training.start.optimiser=kept")
    assert fresh.optimiser_states is None
    one, two = fresh._descent(), kept._descent()
    assert not one.optimisers[0].state
    assert all(group["lr"] == 1e-2 for each in two.optimisers for group in each.param_groups)
    assert {int(each["step"]) for each in two.optimisers[-1].state.values()} == {6}
    with pytest.raises(ConfigError, match=r"no state\.safetensors beside"):
        start_at(first / "checkpoint.safetensors", "training.start.optimiser=kept")
    with pytest.raises(ConfigError, match="trained by muon, not by torch"):
        start_at(path / "checkpoint.safetensors", "training.start.optimiser=kept", "optimiser=torch")
    frozen = start_at(
        path / "checkpoint.safetensors", "training.start.optimiser=kept", "training.freeze=[decoders.*]"
    )
    with pytest.raises(ConfigError, match="has other weights"):
        frozen._descent()


def test_a_run_that_goes_on_needs_no_longer_what_it_began_from(tmp_path, first):
    path = tmp_path / "copy.safetensors"
    path.write_bytes((first / "checkpoint.safetensors").read_bytes())
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        start_at(path).run(run, on_step=leave_after(2))
    path.unlink()
    prepare(interrupted(run), run=run).run(run, resume=True)
    parents = load(run / "checkpoint.safetensors").provenance["parents"]
    assert load(first / "checkpoint.safetensors").identity in [each["identity"] for each in parents]


RATES = "training.learning_rates=[{weights:decoders.*,factor:1e-30},{weights:'*',factor:1}]"


def test_frozen_weights_stay_as_they_were_and_others_learn_at_rates_of_their_own(tmp_path):
    words = ["training.freeze=[encoders.*]", RATES]
    training = training_of(*words, "training.weight_decay=0")
    before = {name: each.clone() for name, each in training.model.state_dict().items()}
    assert re.search(r"2,785 parameters, 1,\d\d\d of them trained", training.summary)
    path = training.run(tmp_path / "run")
    changed = {
        name.split(".")[1]
        for name, each in load(path).weights.items()
        if (each - before[name]).abs().max() > 1e-20
    }
    assert changed == {"processor"}
    rates = [json.loads(line)["learning_rate"] for line in (tmp_path / "run/metrics.jsonl").open()]
    assert max(rates) > 1e-3


@pytest.mark.parametrize(
    ("word", "said", "fix"),
    [
        (
            "training.freeze=[encoder.*]",
            r"training\.freeze: no weight fits the pattern 'encoder\.\*'",
            "encoders.",
        ),
        (
            "training.learning_rates=[{weights:prosessor.*,factor:0.1}]",
            r"training\.learning_rates: no weight",
            "processor.",
        ),
        ("training.freeze=['*']", "all weights are frozen", "Leave some"),
        ("training.start.new=[a]", "there is none", "--from"),
    ],
)
def test_a_pattern_that_fits_nothing_is_an_error_that_lists_near_names(word, said, fix):
    with pytest.raises(ConfigError, match=said) as caught:
        training_of(word)
    assert fix in caught.value.fix


def test_any_path_can_be_begun_from():
    path = "/a b/it's, {odd}\\$/\\'x=1\\\\"
    composed = config.compose("train", [f"training.start.checkpoint={quoted(path)}"])
    assert composed.values["training"]["start"]["checkpoint"] == path


SFNO = [
    "data=synthetic",
    "data.grid=F8",
    "data.variables=[t,u,v]",
    "data.constants=[]",
    "model=sfno",
    "model.num_layers=1",
    "training.steps=1",
]


def sfno_of(*words):
    other = [each for each in WORDS if not each.startswith(("graph", "model.processor", "training.steps"))]
    return prepare(config.compose("train", [*other, *SFNO, *words]))


def test_a_model_without_a_graph_is_begun_from_by_variable_and_by_degree(tmp_path):
    path = sfno_of("training.rollout_steps=0").run(tmp_path / "run")
    start = f"training.start.checkpoint='{path}'"
    same = sfno_of(start)
    assert same.beginning.whole
    other = sfno_of(start, "data.variables=[v,q,t,u]", "training.start.pad=[q]")
    assert other.beginning.padded == ("q",)
    fields = []
    for training in (same, other):
        domain = training.model.normalised["data"]
        values = torch.stack([_noise(name) for name in domain.inputs], dim=-1)
        with torch.no_grad():
            outputs = training.model.eval().network({"data": values})["data"]
        fields.append(dict(zip(domain.outputs, outputs.unbind(-1), strict=True)))
    assert_same(*fields, ["t", "u", "v"])
    with pytest.raises(ConfigError, match=r"here \d+ x .*, there \d+ x .* \(new or pad\)"):
        sfno_of(start, "data.grid=F12")
    finer = sfno_of(start, "data.grid=F12", "training.start.pad=['*']")
    assert finer.beginning.taken > 0


def _noise(name):
    """One field of two states on F8, the same for a name."""
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    return torch.randn(1, 2, 1, 16 * 32, generator=generator)
