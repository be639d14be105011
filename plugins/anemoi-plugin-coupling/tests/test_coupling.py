"""Two checkpoints that hear each other: the same bits as a loop written by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from anemoi.core import forcings
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import ConfigError, DataError, ImplausibleError, NotThereError, RequestError
from anemoi.core.forecasting import Destination

from anemoi_plugin_coupling.coupling import Coupled, Coupling
from anemoi_plugin_coupling.links import links_of
from anemoi_plugin_coupling.regridding import Regridding

START = np.datetime64("2000-05-10T06", "s")
HOUR = np.timedelta64(3600, "s")
HEARS = {
    "atmosphere": {"sst": "ocean.sst", "ci": "ocean.ci"},
    "ocean": {each: f"atmosphere.{each}" for each in ("2t", "10u", "10v", "q_835")},
}


@pytest.fixture
def couple(checkpoints, sources, tmp_path):
    """Build a coupling of both; what is given replaces what belongs to a component, or an option."""

    def couple_(hears=HEARS, checkpoints=checkpoints, dates=(START,), interval="24h", path=None, **how):
        components = {
            name: Coupled(
                checkpoint=checkpoint,
                source=sources[name],
                destinations=[Destination.of(str(tmp_path / (path or f"{name}.zarr")))],
                forcings=hears[name],
            )
            for name, checkpoint in checkpoints.items()
        }
        return Coupling(components, dates, interval, "72h", **how)

    return couple_


class ByHand:
    """One component, stepped with what core offers in public."""

    def __init__(self, checkpoint, source):
        self.source, (self.domain,) = source, checkpoint.domains.values()
        self.model, (self.steps,) = build_model(checkpoint).eval(), checkpoint.steps.values()
        self.heard, self.made, self.states = {}, {}, {}

    def initial(self, name, offset):
        return self.source.read([START + offset])[0, 0, :, self.source.variables.index(name)]

    def state(self, offset):
        """(members, grid, inputs), normalised."""
        columns = []
        for name in self.domain.inputs:
            if name in self.domain.prognostic and offset in self.made:
                columns.append(self.made[offset][..., self.domain.outputs.index(name)])
                continue
            if self.domain[name].computed:
                place = (self.domain.grid.latitudes, self.domain.grid.longitudes)
                values = forcings.compute([name], *place, np.array([START + offset]))[0, :, 0]
            elif name in self.domain.constants:
                values = self.domain.constants[name]
            elif name in self.heard:
                values = self.heard[name][offset]
            else:
                values = self.initial(name, offset)
            physical = torch.from_numpy(np.ascontiguousarray(values))[None, :, None]
            columns.append(self.model.chain("data")(physical, (name,))[..., 0])
        return torch.stack(columns, dim=-1)

    @torch.inference_mode()
    def advance(self, begin):
        inputs = torch.stack([self.state(begin + offset) for offset in self.steps.inputs])[None]
        made = self.model.advance({"data": inputs}, torch.Generator().manual_seed(0))["data"]
        self.made[begin + self.steps.step] = made[0, 0]
        self.states[begin + self.steps.step] = self.model.denormalise("data", made[0])[0, 0].numpy()


def loop(checkpoints, sources):
    """Three days: ocean steps of a day, atmosphere steps of six hours, and they hear each other every day."""
    both = {name: ByHand(checkpoints[name], sources[name]) for name in checkpoints}

    def tell(name, other, origin, of, lasting):
        for forcing, variable in HEARS[name].items():
            variable = variable.partition(".")[2]
            values = (
                both[other].initial(variable, of)
                if of <= 0 * HOUR
                else both[other].states[of][:, both[other].domain.outputs.index(variable)]
            )
            here = both[name].domain
            regrid = Regridding(both[other].domain.grid, here.grid, 4, here.missing.get(forcing))
            values = regrid(values[None])[0]  # which test_regridding holds against all distances
            both[name].heard.setdefault(forcing, {}).update(dict.fromkeys(lasting, values))

    # Before the start the ocean of the day before, which is the last that there is.
    tell("atmosphere", "ocean", "initial", -24 * HOUR, [-6 * HOUR])
    tell("atmosphere", "ocean", "initial", 0 * HOUR, [0 * HOUR])
    tell("ocean", "atmosphere", "initial", -24 * HOUR, [-24 * HOUR])
    tell("ocean", "atmosphere", "initial", 0 * HOUR, [0 * HOUR])
    for day in range(3):
        begin = 24 * day * HOUR
        if day:
            lasting = [begin + hours * HOUR for hours in (0, 6, 12, 18)]
            tell("atmosphere", "ocean", "made", begin, lasting)
            tell("ocean", "atmosphere", "made", begin, [begin])
        else:
            for forcing in HEARS["atmosphere"]:
                values = both["atmosphere"].heard[forcing]
                values.update({hours * HOUR: values[0 * HOUR] for hours in (6, 12, 18)})
        for hours in (0, 6, 12, 18):
            both["atmosphere"].advance(begin + hours * HOUR)
        both["ocean"].advance(begin)
    return both


def states_of(coupling):
    found = {}

    def keep(described, state):
        name = "ocean" if "sst" in described.variables else "atmosphere"
        found.setdefault(name, {})[state.lead_time] = state.fields[0]

    list(coupling.run(keep))
    return found


def test_it_is_the_loop_written_by_hand(couple, checkpoints, sources, tmp_path):
    made, expected = states_of(couple()), loop(checkpoints, sources)
    assert {name: len(states) for name, states in made.items()} == {"atmosphere": 12, "ocean": 3}
    for name, states in made.items():
        for lead, fields in states.items():
            np.testing.assert_array_equal(fields, expected[name].states[lead], err_msg=f"{name} {lead}")
    assert {path.name for path in tmp_path.iterdir()} == {"atmosphere.zarr", "ocean.zarr"}


def test_what_a_source_lacks_comes_from_the_other_and_land_stays_land(couple, checkpoints, sources):
    coupling = couple()
    states_of(coupling)
    ocean, atmosphere = (coupling._exchange.sources[name] for name in ("ocean", "atmosphere"))
    assert not set(HEARS["ocean"]) & set(sources["ocean"].variables)
    read = ocean.read([START + 24 * HOUR])[0, 0, :, list(ocean.variables).index("2t")]
    assert 200 < read.min() < read.max() < 330
    sea = atmosphere.read([START + 24 * HOUR])[0, 0, :, list(atmosphere.variables).index("sst")]
    (domain,) = checkpoints["atmosphere"].domains.values()
    np.testing.assert_array_equal(np.isnan(sea), domain.missing["sst"])
    heard = ocean.provenance["coupled"]["2t"]
    identity = checkpoints["atmosphere"].as_parent()["identity"]
    assert heard == {"component": "atmosphere", "variable": "2t", "checkpoint": identity, "interval": "24h"}


def test_members_that_would_all_be_the_same_are_refused(couple):
    with pytest.raises(RequestError, match="All 2 members would be the same"):
        couple(members=2)


@pytest.mark.parametrize(
    ("component", "forcing", "origin", "message"),
    [
        ("atmosphere", "sst", "sea.sst", "there is no component 'sea'; there are atmosphere, ocean"),
        (
            "atmosphere",
            "sst",
            "ocean.salt",
            "ocean forecasts no 'salt'; write ocean.VARIABLE, one of sst, ci, hf",
        ),
        ("atmosphere", "sst", "ocean", "ocean forecasts no ''"),
        ("atmosphere", "sst", "atmosphere.2t", "a component does not hear itself"),
        ("atmosphere", "lsm", "ocean.ci", "reads no forcing of that name at every step; it reads sst, ci"),
        ("ocean", "2t", "atmosphere.sp", "atmosphere.sp is in Pa, which cannot be converted to K"),
        ("ocean", "q_835", "atmosphere.tp", "atmosphere.tp is in m, which cannot be converted to kg kg-1"),
    ],
)
def test_what_cannot_be_heard_is_refused(couple, component, forcing, origin, message):
    with pytest.raises(ConfigError) as caught:
        couple({**HEARS, component: {forcing: origin}})
    assert f"components.{component}.forcings.{forcing}: " in caught.value.what
    assert message in caught.value.what


def test_all_faults_are_told_at_once(couple):
    with pytest.raises(ConfigError, match=r"(?s)forcings\.sst.*forcings\.2t"):
        couple({"atmosphere": {"sst": "sea.sst"}, "ocean": {"2t": "air.2t"}})


def test_units_are_converted(checkpoints):
    (domain,) = checkpoints["atmosphere"].domains.values()
    variables = [
        dataclasses.replace(each, units="degC") if each.name == "sst" else each for each in domain.variables
    ]
    celsius = dataclasses.replace(domain, variables=tuple(variables))
    atmosphere = dataclasses.replace(checkpoints["atmosphere"], domains={"data": celsius})
    (link,) = links_of({**checkpoints, "atmosphere": atmosphere}, {"atmosphere": {"sst": "ocean.sst"}})
    np.testing.assert_allclose(link.converted(np.float32([[273.15, 283.65]])), [[0.0, 10.5]], atol=1e-4)


@pytest.mark.parametrize("interval", ["12h", "36h", "0h"])
def test_an_interval_is_a_multiple_of_all_steps(couple, interval):
    with pytest.raises(RequestError) as caught:
        couple(interval=interval)
    assert f"interval: {interval} is not a multiple of the step of" in caught.value.what
    assert "ocean (24h)" in caught.value.what
    assert caught.value.fix == "Choose a multiple of 24h."


def test_several_domains_are_refused(couple, checkpoints):
    ocean = checkpoints["ocean"]
    twice = {name: next(iter(ocean.domains.values())) for name in ("one", "two")}
    with pytest.raises(ConfigError, match="ocean has several domains"):
        couple(checkpoints={**checkpoints, "ocean": dataclasses.replace(ocean, domains=twice)})


def test_without_a_common_time_nothing_begins(couple):
    with pytest.raises(
        NotThereError, match="no common time: atmosphere has no state that holds at 2000-02-29T12"
    ):
        couple(dates=[np.datetime64("2000-03-01T12", "s")])


def test_one_file_is_not_written_by_two(couple):
    with pytest.raises(RequestError, match="is an output of atmosphere and of ocean"):
        couple(path="both.zarr")


def test_values_that_cannot_be_stop_all_and_leave_no_file(couple, checkpoints, tmp_path):
    weights = {name: value * np.nan for name, value in checkpoints["atmosphere"].weights.items()}
    broken = dataclasses.replace(checkpoints["atmosphere"], weights=weights)
    with pytest.raises(ImplausibleError, match=r"(?s)^atmosphere: .*not whole are removed"):
        list(couple(checkpoints={**checkpoints, "atmosphere": broken}).run())
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_refused_and_nothing_stays_locked(couple, tmp_path):
    (tmp_path / "ocean.zarr").mkdir()
    (tmp_path / "ocean.zarr" / "mine").touch()
    for _ in range(2):
        with pytest.raises(DataError, match=r"ocean: .*ocean\.zarr"):
            couple()
    (tmp_path / "ocean.zarr" / "mine").unlink()
    (tmp_path / "ocean.zarr").rmdir()
    couple()
