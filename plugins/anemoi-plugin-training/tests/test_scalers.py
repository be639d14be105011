"""Scalers against the weights that each promises."""

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

from anemoi_plugin_training.scalers.area import AreaScaler
from anemoi_plugin_training.scalers.lead_time import LeadTimeScaler
from anemoi_plugin_training.scalers.level import LevelScaler
from anemoi_plugin_training.scalers.nan_mask import NanMaskScaler
from anemoi_plugin_training.scalers.region import RegionScaler
from anemoi_plugin_training.scalers.tendency import TendencyStdevScaler, TendencyVarianceScaler
from anemoi_plugin_training.scalers.variable import VariableScaler

HOUR = np.timedelta64(3600, "s")
STEPS = Steps(inputs=(0 * HOUR,), outputs=(6 * HOUR, 12 * HOUR), step=12 * HOUR, interval=6 * HOUR)
LATITUDES, LONGITUDES = np.meshgrid(np.linspace(75, -75, 6), 30.0 * np.arange(12), indexing="ij")
GRID = Grid(LATITUDES.ravel(), LONGITUDES.ravel())
VARIABLES = (
    Variable(name="lsm", role=Role.FORCING, constant=True),
    Variable(name="t_850", level=850, level_type="pressure"),
    Variable(name="t_50", level=50, level_type="pressure"),
    Variable(name="sst", may_be_missing=True),
    Variable(name="tp", role=Role.DIAGNOSTIC),
    Variable(name="thetao_100", level=100, level_type="depth"),
)
CHANGES = np.array([np.nan, 0.5, 0.2, 0.04, np.nan, 0.1])  # stdev


def domain_of(variables=VARIABLES, changes=CHANGES):
    statistics = Statistics(*np.ones((4, len(variables))))
    return Domain(variables, GRID, 6 * HOUR, statistics, Statistics(*np.tile(changes, (4, 1))))


DOMAIN = domain_of()
OUTPUTS = ("t_850", "t_50", "sst", "tp", "thetao_100")


def weights_of(scaler, target=None, lead_times=STEPS.outputs, domain=DOMAIN, **options):
    found = scaler(domain=domain, steps=STEPS, **options).weights(target, lead_times)
    assert found.dtype == torch.float32
    return found.numpy()


def test_cells_count_by_area():
    assert weights_of(AreaScaler) == pytest.approx(GRID.areas / GRID.areas.mean())


def test_errors_are_measured_by_the_change_of_prognostic_variables():
    changes = np.array([0.5, 0.2, 0.04, 1.0, 0.1])
    assert weights_of(TendencyVarianceScaler) == pytest.approx(1 / changes**2)
    assert weights_of(TendencyStdevScaler) == pytest.approx(1 / changes)


@pytest.mark.parametrize("change", [0.0, np.nan])
def test_a_prognostic_variable_that_never_changes_is_refused(change):
    domain = domain_of(changes=np.where(CHANGES == 0.2, change, CHANGES))
    with pytest.raises(ConfigError, match="t_50 never changes") as refusal:
        TendencyVarianceScaler(domain=domain, steps=STEPS)
    assert "forcing" in refusal.value.fix


def test_variables_count_as_the_user_says():
    assert weights_of(VariableScaler) == pytest.approx(np.ones(5))
    chosen = {"t_50": 0.5, "t_*": 2.0, "s*": 3.0, "ss?": 4.0}
    found = weights_of(VariableScaler, weights=chosen, default=0.25)
    wanted = np.array([2.0, 0.5, 4.0, 0.25, 0.25])
    assert found == pytest.approx(wanted / wanted.mean())


def test_names_that_match_no_output_are_reported():
    scaler = VariableScaler(domain=DOMAIN, steps=STEPS, weights={"t_*": 1, "lsm": 1, "u_*": 1, "sst": 1})
    assert scaler.unmatched == {"lsm", "u_*"}


@pytest.mark.parametrize("options", [{"weights": {"tp": -1.0}}, {"default": -1.0}, {"default": 0.0}])
def test_weights_of_variables_must_be_positive(options):
    with pytest.raises(ConfigError):
        VariableScaler(domain=DOMAIN, steps=STEPS, **options)


def test_pressure_levels_count_by_pressure_down_to_a_minimum():
    wanted = np.array([0.85, 0.2, 1.0, 1.0, 1.0])
    assert weights_of(LevelScaler) == pytest.approx(wanted / wanted.mean())
    wanted = np.array([1.7, 0.1, 1.0, 1.0, 1.0])
    assert weights_of(LevelScaler, reference=500.0, minimum=0.0) == pytest.approx(wanted / wanted.mean())


@pytest.mark.parametrize("share", [0.1, 0.7, 1.0])
@pytest.mark.parametrize(("west", "east"), [(330.0, 60.0), (-30.0, 60.0), (120.0, 180.0)])
def test_a_region_gets_its_share_of_the_loss(share, west, east):
    found = weights_of(RegionScaler, north=50.0, south=10.0, west=west, east=east, share=share)
    columns = np.isin(LONGITUDES.ravel(), [330, 0, 30, 60] if east == 60.0 else [120, 150, 180])
    inside = (GRID.latitudes > 10) & (GRID.latitudes < 50) & columns
    loss = found * GRID.areas / GRID.areas.sum()
    assert loss[inside].sum() == pytest.approx(share)
    assert loss.sum() == pytest.approx(1)
    assert len(np.unique(found[inside])) == len(np.unique(found[~inside])) == 1


def test_a_region_is_the_globe_by_default():
    assert weights_of(RegionScaler) == pytest.approx(np.ones(len(GRID)))


@pytest.mark.parametrize(
    "box",
    [
        {"north": 10.0, "south": 50.0},
        {"west": 40.0, "east": 40.0},
        {"share": 0.0},
        {"share": 1.5},
        {"share": 0.5},
        {"north": 14.0, "south": 1.0, "share": 0.5},
    ],
    ids=["upside-down", "no-width", "no-share", "more-than-all", "all-cells", "no-cell"],
)
def test_a_region_that_cannot_have_its_share_is_refused(box):
    with pytest.raises(ConfigError):
        RegionScaler(domain=DOMAIN, steps=STEPS, **box)


def test_what_is_there_counts_for_what_is_missing():
    target = torch.zeros(2, 2, 3, len(GRID), 5)
    land = GRID.longitudes < 100
    target[..., land, 2] = torch.nan
    target[1, :, :, GRID.latitudes > 0, 2] = torch.nan  # more is missing in the second sample
    target[1, 0, :, :, 3] = torch.nan  # all is missing
    found = weights_of(NanMaskScaler, target)
    assert found.shape == (2, 2, len(GRID), 5)
    assert np.array_equal(found == 0, target[:, :, 0].isnan().numpy())
    totals = np.einsum("g,btgv->btv", GRID.areas / GRID.areas.sum(), found)
    wanted = np.ones((2, 2, 5))
    wanted[1, 0, 3] = 0.0
    assert totals == pytest.approx(wanted, abs=1e-5)


def test_a_cell_that_any_member_lacks_is_left_out():
    target = torch.zeros(1, 1, 3, len(GRID), 5)
    target[0, 0, 1, 7, 2] = torch.nan
    assert weights_of(NanMaskScaler, target)[0, 0, 7, 2] == 0


def test_where_nothing_may_be_missing_there_is_nothing_to_mask():
    domain = domain_of(VARIABLES[:3], CHANGES[:3])
    scaler = NanMaskScaler(domain=domain, steps=STEPS)
    assert scaler.axes == ()
    assert weights_of(NanMaskScaler, domain=domain) == 1


def test_lead_times_count_less_and_less():
    lead_times = tuple(hours * HOUR for hours in (6, 12, 48))
    assert weights_of(LeadTimeScaler, lead_times=lead_times) == pytest.approx(np.ones(3))
    found = weights_of(LeadTimeScaler, lead_times=lead_times, half_life="1d")
    assert found == pytest.approx([0.5**0.25, 0.5**0.5, 0.25])


def test_lead_times_count_as_the_user_says():
    lead_times = tuple(hours * HOUR for hours in (6, 12, 24))
    found = weights_of(LeadTimeScaler, lead_times=lead_times, weights={"12h": 0.5, "1d": 0.2})
    assert found == pytest.approx([1.0, 0.5, 0.2])


@pytest.mark.parametrize(
    "options",
    [{"half_life": "0h"}, {"half_life": "1d", "weights": {"6h": 1.0}}, {"weights": {"6h": -1.0}}],
)
def test_weights_of_lead_times_that_contradict_are_refused(options):
    with pytest.raises(ConfigError):
        LeadTimeScaler(domain=DOMAIN, steps=STEPS, **options)
