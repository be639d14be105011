"""The model on a graph and the transforms around it, with layers whose numbers are easy to follow."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from anemoi.core.config import Builder
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.processor import Processor
from anemoi.core.model import EncoderProcessorDecoder, ForecastModel, assemble
from anemoi.core.objectives import Rollout
from anemoi.core.steps import Steps
from anemoi.core.transforms import build_chain
from anemoi.core.variable import Role, Variable

HOUR = np.timedelta64(3600, "s")
POINTS = 5


class Recorder(Mapper):
    """Keeps what it was built for and given, and returns numbers that are easy to follow."""

    def __init__(self, out, **structure):
        nn.Module.__init__(self)
        self.out, self.structure = out, structure

    def forward(self, source, target, condition=None):
        self.source, self.target, self.condition = source, target, condition
        return self.out(source, target)


class Double(Processor):
    def __init__(self, **structure):
        nn.Module.__init__(self)

    def forward(self, x, condition=None):
        self.condition = condition
        return 2 * x


class ConditionedDouble(Double):
    capabilities = frozenset({Capability.CONDITION})

    def __init__(self, *, nodes, edges, channels, condition_channels: int = 0):
        super().__init__()
        self.built_for = condition_channels


class Ready(Builder):
    """Builds a layer that is at hand, where a configuration would name one."""

    def __init__(self, layer, **spec):
        super().__init__("", spec)
        object.__setattr__(self, "layer", layer)

    def __call__(self, **structure):
        return self.layer(**structure, **self.spec)

    @property
    def component(self):
        return self.layer

    def with_options(self, **options):
        return Ready(self.layer, **{**self.spec, **options})


def domain(*variables, mean=0.0, stdev=1.0, change=1.0, points=POINTS):
    count = len(variables)

    def column(values):
        return np.broadcast_to(np.asarray(values, float), count).copy()

    return Domain(
        variables=tuple(each if isinstance(each, Variable) else Variable(each) for each in variables),
        grid=Grid(np.linspace(-80.0, 80.0, points), np.linspace(0.0, 300.0, points)),
        frequency=6 * HOUR,
        statistics=Statistics(column(mean), column(stdev), column(-9), column(9)),
        changes=Statistics(column(0), column(change), column(-9), column(9)),
    )


def forcing(name, **about):
    return Variable(name, Role.FORCING, **about)


def steps(inputs=(-6, 0), outputs=(6,)):
    last = outputs[-1] if outputs else 6
    return Steps(
        inputs=tuple(hours * HOUR for hours in inputs),
        outputs=tuple(hours * HOUR for hours in outputs),
        step=last * HOUR,
        interval=6 * HOUR,
    )


def graph_of(domains):
    one = Edges(torch.tensor([0]), torch.tensor([0]), torch.zeros(1, 1), ("length",))
    nodes = {"hidden": Nodes(torch.tensor([90.0, 0.0]).double(), torch.tensor([0.0, 0.0]).double())}
    edges = {("hidden", "hidden"): one}
    for name, each in domains.items():
        nodes[name] = Nodes(torch.tensor(each.grid.latitudes), torch.tensor(each.grid.longitudes))
        edges |= {(name, "hidden"): one, ("hidden", name): one}
    return Graph(nodes, edges)


def spread(source, target):
    """The mean of all source nodes on each of the target nodes."""
    return source.mean(1, keepdim=True).expand(-1, target.shape[1], -1)


def network(domains, *, decoder=spread, encoder=spread, processor=Double, graph=None, given=None, **options):
    """The network of some domains; ``decoder`` and ``encoder`` are functions of source and target."""
    return EncoderProcessorDecoder(
        domains=domains,
        graph=graph or graph_of(domains),
        steps=given or dict.fromkeys(domains, steps()),
        channels=4,
        encoder=Ready(lambda **structure: Recorder(encoder, **structure)),
        processor=Ready(processor),
        decoder=Ready(lambda **structure: Recorder(decoder, **structure)),
        **options,
    )


AIR = domain(
    "a", "b", *(forcing(name, computed=True) for name in "fgh"),
    mean=[1e5, 3, 0, 0, 0], stdev=[800, 2, 1, 1, 1], change=[200, 4, 1, 1, 1],
)  # fmt: skip
NORMALISER = {"normaliser": {"name": "normaliser"}}


def model(decoder):
    """The network of AIR with its normaliser."""
    chain = build_chain(NORMALISER, AIR)
    network_ = network({"data": chain.after}, decoder=decoder)
    return ForecastModel(
        network=network_, transforms={"data": chain}, steps={"data": steps()}, objective=Rollout()
    )


def test_members_are_forecast_independently_from_both_states_and_the_forcings():
    made = model(lambda latent, data: data[..., :2])
    fields = torch.randn(3, 2, 4, POINTS, 5)
    assert made({"data": fields})["data"].shape == (3, 1, 4, POINTS, 2)
    encoder, decoder = made.network.encoders["data"], made.network.decoders["data"]
    data = encoder.source
    assert data.shape == (12, POINTS, 2 + 2 + 3)
    for item in range(3):
        for member in range(4):
            row = data[4 * item + member]
            first, last = fields[item, :, member, :, :2]
            change = (last - first) * torch.tensor([800 / 200, 2 / 4])
            expected = torch.cat([change, last, fields[item, 1, member, :, 2:]], dim=-1)
            torch.testing.assert_close(row, expected)
    torch.testing.assert_close(encoder.target[7], torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    assert torch.equal(decoder.target, data)
    torch.testing.assert_close(decoder.source, 2 * data.mean(1, keepdim=True).expand(-1, 2, -1))


def test_the_decoder_predicts_the_change_in_units_of_its_standard_deviation():
    made = model(lambda latent, data: torch.ones(len(data), POINTS, 2))
    fields = torch.randn(1, 2, 1, POINTS, 5)
    before = made.denormalise("data", fields[:, -1:, ..., :2])
    after = made.denormalise("data", made({"data": fields})["data"])
    torch.testing.assert_close(
        after - before, torch.tensor([200.0, 4.0]).expand(1, 1, 1, POINTS, 2), rtol=1e-3, atol=0.02
    )


def test_normalising_is_undone():
    made, x = model(spread), torch.tensor([[101325.0, 5.0]])
    torch.testing.assert_close(made.normalise("data", x, ("a", "b")), torch.tensor([[1.65625, 1.0]]))
    torch.testing.assert_close(made.denormalise("data", made.normalise("data", x, ("a", "b"))), x)
    torch.testing.assert_close(made.normalise("data", x.flip(-1), ("b", "a")), torch.tensor([[1.0, 1.65625]]))


def test_statistics_and_places_are_not_weights():
    assert list(model(spread).state_dict()) == []


@pytest.mark.parametrize("members", [1, 3])
def test_a_member_does_not_depend_on_the_others(members):
    made = model(lambda latent, data: data[..., :2] + latent.mean(1, keepdim=True)[..., :2])
    fields = torch.randn(2, 2, members, POINTS, 5)
    whole = made({"data": fields})["data"]
    for member in range(members):
        alone = made({"data": fields[:, :, member : member + 1]})["data"]
        torch.testing.assert_close(whole[:, :, member : member + 1], alone)


EVERYTHING = domain(
    "a",
    forcing("sst"),
    Variable("rain", Role.DIAGNOSTIC),
    forcing("lsm", constant=True),
    "b",
    forcing("sun", computed=True),
    Variable("gust", Role.DIAGNOSTIC),
    change=[2, 1, 1, 1, 4, 1, 1],
)


@pytest.mark.parametrize(
    ("inputs", "outputs", "comes_in", "goes_out"),
    [((0,), (6,), 3 + 2, 4), ((-6, 0), (6,), 6 + 2, 4), ((-12, -6, 0), (6, 12), 9 + 2, 8)],
)
def test_fixed_forcings_come_in_once_and_all_else_at_every_step(inputs, outputs, comes_in, goes_out):
    """Two prognostic variables and a sea surface at each input time; land-sea mask and sunlight once."""
    given = {"data": steps(inputs, outputs)}
    made = network({"data": EVERYTHING}, given=given)
    encoder, decoder = made.encoders["data"], made.decoders["data"]
    assert encoder.structure["source_channels"] == decoder.structure["target_channels"] == comes_in
    assert (encoder.structure["target_channels"], encoder.structure["out_channels"]) == (3, 4)
    assert (decoder.structure["source_channels"], decoder.structure["out_channels"]) == (4, goes_out)
    made.decoders["data"].out = lambda latent, data: torch.zeros(*data.shape[:2], goes_out)
    fields = torch.randn(1, len(inputs), 1, POINTS, 5)  # a, sst, lsm, b, sun
    assert made({"data": fields})["data"].shape == (1, len(outputs), 1, POINTS, 4)
    a, sst, lsm, b, sun = fields[0, :, 0].permute(2, 0, 1)  # (time, grid) each
    changes = torch.stack([a.diff(dim=0) / 2, b.diff(dim=0) / 4], dim=-1)  # (time - 1, grid, 2)
    expected = [*changes.unbind(0), torch.stack([a[-1], b[-1]], -1)]
    expected += [*sst[..., None].unbind(0), lsm[-1, :, None], sun[-1, :, None]]
    torch.testing.assert_close(encoder.source[0], torch.cat(expected, dim=-1))


def test_diagnostic_outputs_have_nothing_to_be_added_to():
    """Each of two output steps: prognostic ones are the last input and a change, others as decoded."""
    made = network({"data": EVERYTHING}, given={"data": steps((-6, 0), (6, 12))})
    decoded = torch.randn(2 * 3, POINTS, 8)
    made.decoders["data"].out = lambda latent, data: decoded
    fields = torch.randn(2, 2, 3, POINTS, 5)
    out = made({"data": fields})["data"]  # a, rain, b, gust
    for item in range(2):
        for member in range(3):
            for step in range(2):
                given = decoded[3 * item + member, :, 4 * step : 4 * step + 4]
                last = fields[item, -1, member]
                expected = [
                    last[:, 0] + 2 * given[:, 0],
                    given[:, 1],
                    last[:, 3] + 4 * given[:, 2],
                    given[:, 3],
                ]
                torch.testing.assert_close(out[item, step, member], torch.stack(expected, dim=-1))


def test_a_domain_of_diagnostics_alone():
    only = domain(forcing("sun", computed=True), Variable("rain", Role.DIAGNOSTIC))
    made = network({"data": only}, decoder=lambda latent, data: 3 * data)
    fields = torch.randn(1, 2, 1, POINTS, 1)
    torch.testing.assert_close(made({"data": fields})["data"], 3 * fields[:, -1:])


def test_domains_add_up_on_the_hidden_nodes_and_each_is_decoded_for_itself():
    domains = {"air": domain("a", "b"), "sea": domain("s", points=3), "sun": domain(forcing("f"), points=2)}
    assert domains["sun"].outputs == ()

    def encoder(source, target):
        return source.mean((1, 2), keepdim=True).expand(-1, target.shape[1], 4)

    def decoder(latent, data):
        return latent.mean((1, 2), keepdim=True).expand(-1, data.shape[1], data.shape[2] // 2)

    made = network(domains, encoder=encoder, decoder=decoder)
    assert list(made.encoders) == ["air", "sea", "sun"]
    assert list(made.decoders) == ["air", "sea"]
    fields = {name: torch.randn(2, 2, 3, len(each.grid), len(each.inputs)) for name, each in domains.items()}
    out = made(fields)
    assert {name: tuple(values.shape) for name, values in out.items()} == {
        "air": (2, 1, 3, POINTS, 2), "sea": (2, 1, 3, 3, 1),
    }  # fmt: skip
    means = [made.encoders[name].source.mean((1, 2)) for name in domains]  # (batch x ensemble,) each
    latent = 2 * sum(means).reshape(2, 1, 3, 1, 1)
    for name in ("air", "sea"):
        torch.testing.assert_close(out[name], fields[name][:, -1:] + latent)


def test_a_domain_whose_states_do_not_go_out_is_not_decoded():
    domains = {"air": domain("a"), "edge": domain("b")}
    made = network(domains, given={"air": steps(), "edge": steps((-6, 0), ())})
    assert list(made.decoders) == ["air"]
    graph = graph_of(domains)
    without = Graph(
        graph.nodes, {ends: each for ends, each in graph.edges.items() if ends != ("hidden", "edge")}
    )
    network(domains, graph=without, given={"air": steps(), "edge": steps((-6, 0), ())})
    with pytest.raises(ConfigError, match="does not join the domain 'edge'") as caught:
        network(domains, graph=without)
    assert "graph=NAME" in caught.value.fix


def test_a_condition_reaches_the_layers_that_take_one_and_no_other():
    """Members are folded into the batch, item by item."""
    made = network({"data": AIR}, processor=ConditionedDouble, condition_channels=3,
                   decoder=lambda latent, data: data[..., :2])  # fmt: skip
    assert made.processor.built_for == 3
    condition = torch.randn(2, 4, 3)
    made({"data": torch.randn(2, 2, 4, POINTS, 5)}, condition)
    assert made.processor.condition.shape == (8, 3)
    assert torch.equal(made.processor.condition[4 * 1 + 2], condition[1, 2])
    assert made.encoders["data"].condition is None
    assert made.decoders["data"].condition is None


def test_without_a_condition_a_layer_that_could_take_one_is_built_for_none():
    made = network({"data": AIR}, processor=ConditionedDouble, decoder=lambda latent, data: data[..., :2])
    assert made.processor.built_for == 0
    made({"data": torch.randn(1, 2, 1, POINTS, 5)})
    assert made.processor.condition is None


def test_a_condition_that_no_layer_takes_is_refused():
    with pytest.raises(ConfigError, match="on 3 numbers, but none of its encoder") as caught:
        network({"data": AIR}, condition_channels=3)
    assert "Capability.CONDITION" in caught.value.fix


@pytest.mark.parametrize(
    ("channels", "said"), [(0, "but nothing provides one"), (2, "of 3 numbers, but 2 are provided")]
)
def test_a_layer_that_waits_for_another_condition_is_refused(channels, said):
    waiting = {
        "encoder": Ready(Recorder),
        "decoder": Ready(Recorder),
        "processor": Ready(ConditionedDouble, condition_channels=3),
    }
    with pytest.raises(ConfigError, match=rf"^model\.processor\.condition_channels is 3: .*{said}"):
        EncoderProcessorDecoder(
            domains={"data": AIR}, graph=graph_of({"data": AIR}), steps={"data": steps()},
            condition_channels=channels, channels=4, **waiting,
        )  # fmt: skip


def test_it_needs_a_graph():
    with pytest.raises(ConfigError, match="needs a graph"):
        EncoderProcessorDecoder(
            domains={"data": AIR}, graph=None, steps={"data": steps()}, channels=4,
            encoder=Ready(Recorder), processor=Ready(Double), decoder=Ready(Recorder),
        )  # fmt: skip


def test_a_graph_without_edges_among_hidden_nodes_gives_the_processor_none():
    given = []

    class Asking(Double):
        def __init__(self, **structure):
            super().__init__()
            given.append(structure["edges"])

    whole = graph_of({"data": AIR})
    edges = {ends: each for ends, each in whole.edges.items() if ends != ("hidden", "hidden")}
    made = network({"data": AIR}, graph=Graph(whole.nodes, edges), processor=Asking, decoder=spread_two)
    assert len(given[0]) == 0
    assert made({"data": torch.randn(1, 2, 1, POINTS, 5)})["data"].shape == (1, 1, 1, POINTS, 2)


def spread_two(source, target):
    return spread(source, target)[..., :2]


class Unconditional(EncoderProcessorDecoder):
    capabilities = frozenset()


class Noise(Rollout):
    stochastic = True

    condition_channels = 2


def test_a_model_that_takes_no_condition_is_refused_before_it_is_built():
    configuration = {
        "model": {"_target_": f"{Unconditional.__module__}.Unconditional"},
        "transforms": NORMALISER,
    }
    given = {"domains": {"data": AIR}, "steps": {"data": steps()}, "graph": None, "objective": Noise()}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("anemoi.core.model.assembly.model_class", lambda spec, trust_code: Unconditional)
        with pytest.raises(ConfigError, match="on 2 numbers, but the model takes no condition"):
            assemble(configuration, **given)


def test_missing_is_told_under_the_names_that_the_network_has():
    """Only of variables that may be missing; an angle becomes two."""
    some = domain("a", Variable("sst", may_be_missing=True), Variable("mwd", may_be_missing=True))
    some = dataclasses.replace(some, measured=dict.fromkeys(("cos_mwd", "sin_mwd"), np.ones((2, 4))))
    chain = build_chain({"remapper": {"name": "remapper", "angle": ["mwd"]}}, some)
    made = ForecastModel(
        network=network({"data": chain.after}), transforms={"data": chain}, steps={"data": steps()},
        objective=Rollout(),
    )  # fmt: skip
    values = torch.zeros(1, POINTS, 3)
    values[0, 1, 1] = values[0, 2, 2] = torch.nan
    missing = made.missing("data", values, ("a", "sst", "mwd"))
    expected = torch.zeros(1, POINTS, 4, dtype=torch.bool)
    expected[0, 1, 1] = expected[0, 2, 2] = expected[0, 2, 3] = True
    assert torch.equal(missing, expected)
    assert made.missing("data", values[..., :1], ("a",)) is None


def test_bounds_are_enforced_on_what_the_model_gives():
    def far_below(latent, data):
        return torch.full((1, POINTS, 2), -99.0)

    chain = build_chain({"bounding": {"name": "bounding", "relu": ["b"]}}, AIR)
    made = ForecastModel(
        network=network({"data": chain.after}, decoder=far_below),
        transforms={"data": chain},
        steps={"data": steps()},
        objective=Rollout(),
    )
    out = made({"data": torch.zeros(1, 2, 1, POINTS, 5)})["data"]
    assert (out[..., 0] < -99).all()
    assert (out[..., 1] == 0).all()
