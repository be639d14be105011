"""Two checkpoints that hear each other: the same bits as a loop written by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from anemoi.core import config, forcings, forecast
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

OWN_OCEAN = config.build("source", {"name": "sample-earth-ocean"})


@pytest.fixture
def couple(checkpoints, sources, tmp_path):
    """Build a coupling of both; what is given replaces what belongs to a component, or an option."""

    def couple_(
        hears=HEARS,
        checkpoints=checkpoints,
        dates=(START,),
        interval="24h",
        path=None,
        perturbations=None,
        **how,
    ):
        components = {
            name: Coupled(
                checkpoint=checkpoint,
                source=sources[name],
                destinations=[Destination.of(str(tmp_path / (path or f"{name}.zarr")))],
                forcings=hears[name],
                perturbation=(perturbations or {}).get(name),
            )
            for name, checkpoint in checkpoints.items()
        }
        return Coupling(components, dates, interval, "72h", **how)

    return couple_


class ByHand:
    """One component, stepped with what core offers in public."""

    def __init__(self, checkpoint, sources):
        self.domains, self.steps = checkpoint.domains, checkpoint.steps
        self.sources = sources if isinstance(sources, dict) else dict.fromkeys(self.domains, sources)
        self.model = build_model(checkpoint).eval()
        self.heard, self.made, self.states = {}, {}, {}  # by domain and what else

    def place(self, name):
        """The domain of a variable that is written as in a suite, and the variable."""
        return name.split(".") if len(self.domains) > 1 else (*self.domains, name)

    def initial(self, domain, name, offset):
        source = self.sources[domain]
        return source.read([START + offset])[0, 0, :, source.variables.index(name)]

    def state(self, domain, offset):
        """(members, grid, inputs), normalised."""
        columns, own = [], self.domains[domain]
        for name in own.inputs:
            if name in own.prognostic and (domain, offset) in self.made:
                columns.append(self.made[domain, offset][..., own.outputs.index(name)])
                continue
            if own[name].computed:
                place = (own.grid.latitudes, own.grid.longitudes)
                values = forcings.compute([name], *place, np.array([START + offset]))[0, :, 0]
            elif name in own.constants:
                values = own.constants[name]
            elif (domain, name) in self.heard:
                values = self.heard[domain, name][offset]
            else:
                values = self.initial(domain, name, offset)
            physical = torch.from_numpy(np.ascontiguousarray(values))[None, :, None]
            columns.append(self.model.chain(domain)(physical, (name,))[..., 0])
        return torch.stack(columns, dim=-1)

    @torch.inference_mode()
    def advance(self, begin):
        inputs = {
            domain: torch.stack([self.state(domain, begin + offset) for offset in steps.inputs])[None]
            for domain, steps in self.steps.items()
        }
        for domain, made in self.model.advance(inputs, torch.Generator().manual_seed(0)).items():
            end = begin + self.steps[domain].step
            self.made[domain, end] = made[0, 0]
            self.states[domain, end] = self.model.denormalise(domain, made[0])[0, 0].numpy()


def loop(checkpoints, sources, hears):
    """Three days: one steps six hours, the ocean a day, and they hear each other every day."""
    both = {name: ByHand(checkpoints[name], sources[name]) for name in checkpoints}
    fast = next(name for name in both if name != "ocean")

    def tell(name, of, lasting):
        for forcing, origin in hears[name].items():
            other, _, rest = origin.partition(".")
            here, there = both[name], both[other]
            (domain, forcing), (origin_domain, variable) = here.place(forcing), there.place(rest)
            values = (
                there.initial(origin_domain, variable, of)
                if of <= 0 * HOUR
                else there.states[origin_domain, of][:, there.domains[origin_domain].outputs.index(variable)]
            )
            grids = there.domains[origin_domain].grid, here.domains[domain].grid
            regrid = Regridding(*grids, 4, here.domains[domain].missing.get(forcing))
            values = regrid(values[None])[0]  # which test_regridding holds against all distances
            here.heard.setdefault((domain, forcing), {}).update(dict.fromkeys(lasting, values))

    # Before the start the ocean of the day before, which is the last that there is.
    tell(fast, -24 * HOUR, [-6 * HOUR])
    tell("ocean", -24 * HOUR, [-24 * HOUR])
    for day in range(3):
        begin = 24 * day * HOUR
        tell(fast, begin, [begin + hours * HOUR for hours in (0, 6, 12, 18)])
        tell("ocean", begin, [begin])
        for hours in (0, 6, 12, 18):
            both[fast].advance(begin + hours * HOUR)
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
    made, expected = states_of(couple()), loop(checkpoints, sources, HEARS)
    assert {name: len(states) for name, states in made.items()} == {"atmosphere": 12, "ocean": 3}
    for name, states in made.items():
        for lead, fields in states.items():
            np.testing.assert_array_equal(
                fields, expected[name].states["data", lead], err_msg=f"{name} {lead}"
            )
    assert {path.name for path in tmp_path.iterdir()} == {"atmosphere.zarr", "ocean.zarr"}


def test_a_component_of_several_domains_is_the_loop_written_by_hand(checkpoints, joint, sources, tmp_path):
    """Its atmosphere hears another ocean than its own, which hears its atmosphere."""
    both = {"joint": joint, "ocean": checkpoints["ocean"]}
    given = {"joint": {**sources, "ocean": OWN_OCEAN}, "ocean": sources["ocean"]}
    hears = {
        "joint": {"atmosphere.sst": "ocean.sst", "atmosphere.ci": "ocean.ci"},
        "ocean": {each: f"joint.atmosphere.{each}" for each in ("2t", "10u", "10v", "q_835")},
    }
    components = {
        name: Coupled(
            checkpoint=both[name],
            source=given[name],
            destinations=[Destination.of(str(tmp_path / f"{name}-{{domain}}.zarr"))],
            forcings=hears[name],
        )
        for name in both
    }
    made = {}

    def keep(described, state):
        made[len(described.variables), described.domain, state.lead_time] = state.fields[0]

    list(Coupling(components, [START], "24h", "72h").run(keep))
    expected = loop(both, given, hears)
    assert len(made) == 12 + 12 + 3
    for (_, domain, lead), fields in made.items():
        one = expected["ocean" if domain == "data" else "joint"]
        np.testing.assert_array_equal(fields, one.states[domain, lead], err_msg=f"{domain} {lead}")
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"joint-atmosphere.zarr", "joint-ocean.zarr", "ocean-data.zarr"}


@pytest.mark.parametrize(
    ("component", "forcing", "origin", "message"),
    [
        ("joint", "sst", "ocean.sst", "write DOMAIN.VARIABLE; joint has the domains atmosphere, ocean"),
        ("joint", "atmosphere.lsm", "ocean.sst", "the checkpoint reads no forcing of that name"),
        ("ocean", "2t", "joint.2t", "write joint.DOMAIN.VARIABLE; joint has the domains atmosphere, ocean"),
        (
            "ocean",
            "2t",
            "joint.ocean.2t",
            "joint forecasts no '2t'; write joint.ocean.VARIABLE, one of sst, ci",
        ),
    ],
)
def test_a_domain_is_named_where_there_are_several(checkpoints, joint, component, forcing, origin, message):
    both = {"joint": joint, "ocean": checkpoints["ocean"]}
    with pytest.raises(ConfigError) as caught:
        links_of(both, {component: {forcing: origin}})
    assert f"components.{component}.forcings.{forcing}: {message}" in caught.value.what


def test_one_that_hears_nothing_is_as_it_is_alone(couple, checkpoints, sources):
    made = states_of(couple({"atmosphere": {}, "ocean": HEARS["ocean"]}))["atmosphere"]
    alone = forecast(checkpoints["atmosphere"], sources["atmosphere"], START, "72h")
    for state in alone:
        np.testing.assert_array_equal(state.fields[0], made[state.lead_time])


def test_what_a_source_lacks_comes_from_the_other_and_land_stays_land(couple, checkpoints, sources):
    coupling = couple()
    states_of(coupling)
    ocean, atmosphere = (coupling._exchange.sources[name]["data"] for name in ("ocean", "atmosphere"))
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


def test_members_of_one_component_make_those_of_the_others_differ(couple, checkpoints):
    """The ocean begins with one state, and hears other winds from the second day on."""
    gaussian = {"name": "gaussian", "amplitude": 0.5}
    coupling = couple(members=2, perturbations={"atmosphere": gaussian})
    fields = {name: [] for name in checkpoints}
    list(coupling.run(lambda described, state: fields[_name(described, checkpoints)].append(state.fields)))
    apart = {
        name: [float(np.nanmax(np.abs(each[1] - each[0]))) for each in of] for name, of in fields.items()
    }
    assert min(apart["atmosphere"]) > 0
    assert apart["ocean"][0] == 0.0
    assert min(apart["ocean"][1:]) > 0.0


def test_members_of_a_component_that_hears_none_of_them_are_refused(couple):
    with pytest.raises(RequestError, match="atmosphere: All 2 members would be the same"):
        couple({**HEARS, "atmosphere": {}}, members=2, perturbations={"ocean": {"name": "gaussian"}})


def _name(described, checkpoints):
    """Of which component a forecast is."""
    return "ocean" if "sst" in described.variables and "t_835" not in described.variables else "atmosphere"


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
