"""The model: what it takes and gives, what it turns with, what it learns."""

import math

import numpy as np
import pytest
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid

from anemoi_plugin_spectral.model import SFNO

SMALL = {"channels": 8, "num_layers": 2}


def _build(domain, steps, **options):
    torch.manual_seed(0)
    return SFNO(domains={"data": domain}, graph=None, steps={"data": steps}, **{**SMALL, **options})


def _fields(domain, times=2, batch=1, members=1):
    torch.manual_seed(1)
    return torch.randn(batch, times, members, len(domain.grid), len(domain.inputs))


@pytest.mark.parametrize("scale_factor", [1, 2, 5])
def test_the_grids_of_the_sample_data_go_in_and_come_out(lattice, gaussian, domain, steps, scale_factor):
    for grid in (gaussian(48, 96), lattice(np.linspace(90, -90, 73), np.arange(144) * 2.5)):
        of = domain(grid)
        model = _build(of, steps(), scale_factor=scale_factor)
        out = model({"data": _fields(of)})["data"]
        assert out.shape == (1, 1, 1, len(grid), 3)
        assert out.isfinite().all()


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 2), (2, 4)])
def test_any_number_of_states_comes_in_and_goes_out(domain, steps, inputs, outputs):
    of = domain()
    out = _build(of, steps(inputs, outputs))({"data": _fields(of, inputs, batch=2, members=3)})["data"]
    assert out.shape == (2, outputs, 3, 288, 3)
    assert not torch.allclose(out[:, :1], out[:, -1:]) or outputs == 1


def test_members_and_batch_do_not_see_one_another(domain, steps):
    of = domain()
    model, fields = _build(of, steps(outputs=2)), _fields(of, batch=2, members=3)
    together = model({"data": fields})["data"]
    alone = model({"data": fields[1:, :, 2:]})["data"]
    torch.testing.assert_close(together[1:, :, 2:], alone, atol=1e-6, rtol=0)


def test_the_change_is_scaled_and_a_diagnostic_output_is_not(domain, steps):
    """Weights of the last layer set to zero leave its bias: what that is worth is the scale."""
    of = domain(change=0.25)
    model, fields = _build(of, steps()), _fields(of)
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
        model.decoder[-1].bias.fill_(2.0)
    out = model({"data": fields})["data"][:, 0]
    torch.testing.assert_close(out[..., :2], fields[:, -1, ..., :2] + 0.5)
    torch.testing.assert_close(out[..., 2], torch.full_like(out[..., 2], 2.0))


def test_changes_come_in_and_go_out_in_units_of_their_size(domain, steps):
    """Where changes are five times as large, so are the changes that are predicted from them."""
    torch.manual_seed(1)
    last, change = torch.randn(2, 1, 1, 1, 288, 2)
    predicted = []
    for size in (0.1, 0.5):
        model = _build(domain(forcing="", change=size), steps())
        out = model({"data": torch.cat([last - size * change, last], dim=1)})["data"]
        predicted.append(torch.cat([(out[..., :2] - last) / size, out[..., 2:]], dim=-1))
    torch.testing.assert_close(*predicted, atol=1e-4, rtol=0)


def test_a_domain_of_diagnostic_outputs_alone_is_forecast(domain, steps):
    of = domain(prognostic="")
    assert _build(of, steps())({"data": _fields(of)})["data"].shape[-1] == 1


@pytest.mark.parametrize("rows", ["gaussian", "poles"])
@pytest.mark.parametrize("scale_factor", [1, 2])
def test_without_positions_a_forecast_turns_with_its_inputs(
    gaussian, lattice, domain, steps, scale_factor, rows
):
    grid = gaussian(12, 24) if rows == "gaussian" else lattice(np.linspace(-90, 90, 13), np.arange(24) * 15)
    of = domain(grid)
    model = _build(of, steps(), scale_factor=scale_factor, position_features=False)
    fields = _fields(of)

    def turned(values, columns):
        return values.unflatten(3, (-1, 24)).roll(columns, dims=4).flatten(3, 4)

    plain, other = (model({"data": turned(fields, columns)})["data"] for columns in (0, 3 * scale_factor))
    torch.testing.assert_close(other, turned(plain, 3 * scale_factor), atol=2e-5, rtol=0)
    assert not torch.allclose(other, plain, atol=1e-2)
    told = _build(of, steps(), scale_factor=scale_factor)
    plain, other = (told({"data": turned(fields, columns)})["data"] for columns in (0, 3 * scale_factor))
    assert not torch.allclose(other, turned(plain, 3 * scale_factor), atol=1e-2)


def test_the_poles_have_one_value(lattice, domain, steps):
    of = domain(lattice(np.linspace(90, -90, 13), np.arange(24) * 15))
    fields = _fields(of).unflatten(3, (13, 24))
    fields[:, :, :, [0, -1]] = fields[:, :, :, [0, -1], :1]
    out = _build(of, steps())({"data": fields.flatten(3, 4)})["data"].unflatten(3, (13, 24))
    for pole in (0, -1):
        torch.testing.assert_close(out[:, :, :, pole], out[:, :, :, pole, :1].expand(-1, -1, -1, 24, -1))


@pytest.mark.parametrize("condition_channels", [0, 3])
def test_the_gradient_reaches_every_parameter(domain, steps, condition_channels):
    of = domain()
    model = _build(of, steps(), condition_channels=condition_channels)
    condition = torch.randn(1, 1, condition_channels) if condition_channels else None
    model({"data": _fields(of)}, condition)["data"].square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_weights_are_parameters_alone_and_real(domain, steps):
    model = _build(domain(), steps(), condition_channels=2)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
    assert all(values.is_floating_point() for values in model.state_dict().values())


def test_the_same_weights_give_the_same_bits(domain, steps):
    of = domain()
    first, second = _build(of, steps()), _build(of, steps())
    torch.manual_seed(5)
    torch.nn.init.normal_(second.encoder[0].weight)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first({"data": _fields(of)})["data"], second({"data": _fields(of)})["data"])


def test_each_member_is_conditioned_by_itself(domain, steps):
    of = domain()
    model = _build(of, steps(), condition_channels=2)
    torch.nn.init.normal_(model.blocks[0].second.modulation.weight)
    fields = _fields(of, batch=2, members=3)
    condition = torch.randn(2, 3, 2)
    out = model({"data": fields}, condition)["data"]
    for number, member in ((0, 1), (1, 2)):
        alone = fields[number, None, :, member, None], condition[number, None, member, None]
        expected = model({"data": alone[0]}, alone[1])["data"][0, :, 0]
        torch.testing.assert_close(out[number, :, member], expected, atol=1e-5, rtol=0)
    assert not torch.allclose(out, model({"data": fields}, condition.flip(1))["data"], atol=1e-3)


@pytest.mark.parametrize(("built", "given"), [(0, 1), (2, 0), (2, 3)])
def test_a_wrong_condition_is_refused(domain, steps, built, given):
    of = domain()
    model = _build(of, steps(), condition_channels=built)
    with pytest.raises(ConfigError, match=f"built for {built} conditions, but was given {given}"):
        model({"data": _fields(of)}, torch.zeros(1, 1, given) if given else None)


def test_all_options_run_under_autocast(domain, steps):
    of = domain()
    for normalisation in ("instance_norm", "layer_norm", "none"):
        model = _build(of, steps(), normalisation=normalisation, condition_channels=1)
        fields, condition = {"data": _fields(of)}, torch.ones(1, 1, 1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(fields, condition)["data"]
        out.float().sum().backward()
        torch.testing.assert_close(out.float(), model(fields, condition)["data"], atol=0.1, rtol=0)


def test_an_irregular_grid_is_refused(domain, steps):
    numbers = np.random.RandomState(0)
    grid = Grid(numbers.uniform(-90, 90, 50), numbers.uniform(0, 360, 50))
    with pytest.raises(ConfigError, match="The grid of data has 50 points") as refused:
        _build(domain(grid), steps())
    assert "choose a model that is built on a graph" in refused.value.fix


def test_several_domains_are_refused(domain, steps):
    with pytest.raises(ConfigError, match="takes one domain, but there are 2: atmosphere, ocean"):
        SFNO(
            domains={"atmosphere": domain(), "ocean": domain()},
            graph=None,
            steps={"atmosphere": steps(), "ocean": steps()},
        )


def test_a_domain_without_outputs_is_refused(domain, steps):
    for of, when in ((domain(prognostic="", diagnostic=""), steps()), (domain(), steps(2, 0))):
        with pytest.raises(ConfigError, match="nothing to forecast: data has no outputs"):
            _build(of, when)


def test_a_scale_that_leaves_no_grid_is_refused(domain, steps):
    with pytest.raises(ConfigError, match=r"scale_factor is 7, .* 12 rows and 24 columns") as refused:
        _build(domain(), steps(), scale_factor=7)
    assert refused.value.fix == "Take at most 6."
    assert _build(domain(), steps(), scale_factor=6)


def test_it_learns_to_carry_waves_along(gaussian, domain, steps):
    """Waves that turn about the axis by 15 degrees a step: 50 steps of training halve persistence's error."""
    grid = gaussian(12, 24)
    of = domain(grid, prognostic="t", forcing="", diagnostic="")
    longitude = torch.from_numpy(np.deg2rad(grid.longitudes)).float()
    latitude = torch.from_numpy(np.deg2rad(grid.latitudes)).float()
    numbers = torch.Generator().manual_seed(0)

    def waves(batch):
        number = torch.randint(1, 4, (batch, 1), generator=numbers)
        phase = 2 * math.pi * torch.rand(batch, 1, generator=numbers)
        states = [
            latitude.cos() ** number * torch.cos(number * (longitude - step * math.pi / 12) + phase)
            for step in (-1, 0, 1)
        ]
        return torch.stack(states, dim=1)[:, :, None, :, None]  # (batch, 3, 1, grid, 1)

    model = _build(of, steps())
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(50):
        states = waves(8)
        loss = (model({"data": states[:, :2]})["data"] - states[:, 2:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    states = waves(64)
    with torch.no_grad():
        error = (model({"data": states[:, :2]})["data"] - states[:, 2:]).square().mean().sqrt()
    persistence = (states[:, 1:2] - states[:, 2:]).square().mean().sqrt()
    assert error < 0.5 * persistence
