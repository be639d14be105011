import pytest
import torch
from torch import nn

from anemoi.core.graph import Nodes
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.processor import Processor
from anemoi.core.model import ForecastModel, ModelStatistics


class Recorder(Mapper):
    """Keeps what it was given, and returns numbers that are easy to follow."""

    def __init__(self, out):
        nn.Module.__init__(self)
        self.out = out

    def forward(self, source, target, condition=None):
        self.source, self.target = source, target
        return self.out(source, target)


class Double(Processor):
    def __init__(self):
        nn.Module.__init__(self)

    def forward(self, x, condition=None):
        return 2 * x


STATISTICS = ModelStatistics(torch.tensor([1e5, 3.0]), torch.tensor([800.0, 2.0]), torch.tensor([200.0, 4.0]))


def make(decoder):
    hidden = Nodes(torch.tensor([90.0, 0.0]).double(), torch.tensor([0.0, 0.0]).double())
    return ForecastModel(
        encoder=Recorder(lambda source, target: source.mean(1, keepdim=True).expand(-1, 2, -1)),
        processor=Double(),
        decoder=Recorder(decoder),
        hidden=hidden,
        variables=("a", "b"),
        forcings=("f", "g", "h"),
        statistics=STATISTICS,
        input_steps=2,
    )


def test_members_are_forecast_independently_from_both_states_and_the_forcings():
    model = make(lambda latent, data: data[..., :2])
    states, forcings = torch.randn(3, 2, 4, 5, 2), torch.randn(3, 5, 3)
    assert model(states, forcings).shape == (3, 4, 5, 2)
    data = model.encoder.source
    assert data.shape == (12, 5, ForecastModel.channels_in(("a", "b"), ("f", "g", "h"), 2))
    for item in range(3):
        for member in range(4):
            row = data[4 * item + member]
            first, last = states[item, :, member]
            change = (last - first) * torch.tensor([800 / 200, 2 / 4])
            expected = torch.cat([change, last, forcings[item]], dim=-1)
            torch.testing.assert_close(row, expected)
    torch.testing.assert_close(model.encoder.target[7], torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    assert torch.equal(model.decoder.target, data)
    torch.testing.assert_close(model.decoder.source, 2 * data.mean(1, keepdim=True).expand(-1, 2, -1))


def test_the_decoder_predicts_the_change_in_units_of_its_standard_deviation():
    model = make(lambda latent, data: torch.ones(len(data), 5, 2))
    states = torch.randn(1, 2, 1, 5, 2)
    before = model.denormalise(states[:, -1])
    after = model.denormalise(model(states, torch.zeros(1, 5, 3)))
    torch.testing.assert_close(
        after - before, torch.tensor([200.0, 4.0]).expand(1, 1, 5, 2), rtol=1e-3, atol=0.02
    )


def test_normalising_is_undone():
    model, x = make(lambda latent, data: data), torch.tensor([[101325.0, 5.0]])
    torch.testing.assert_close(model.normalise(x), torch.tensor([[1.65625, 1.0]]))
    torch.testing.assert_close(model.denormalise(model.normalise(x)), x)


def test_statistics_and_places_are_not_weights():
    assert list(make(lambda latent, data: data).state_dict()) == []


@pytest.mark.parametrize("members", [1, 3])
def test_a_member_does_not_depend_on_the_others(members):
    model = make(lambda latent, data: data[..., :2] + latent.mean(1, keepdim=True)[..., :2])
    states, forcings = torch.randn(2, 2, members, 5, 2), torch.randn(2, 5, 3)
    whole = model(states, forcings)
    for member in range(members):
        alone = model(states[:, :, member : member + 1], forcings)
        torch.testing.assert_close(whole[:, member : member + 1], alone)
