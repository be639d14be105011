import numpy as np
import pytest
import torch
from anemoi.core import forcings
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.objectives import Rollout
from anemoi.core.variable import Role, Variable

from anemoi_plugin_training.domains import training_times
from anemoi_plugin_training.samples import Samples
from anemoi_plugin_training.settings import DateSettings

from .memory import Memory


def test_the_period_includes_both_ends(random_source):
    source = random_source(times=12)
    times = training_times(source, DateSettings(start="2020-01-01T12", end="2020-01-02T06"))
    assert times.astype("datetime64[h]").astype(str).tolist() == [
        "2020-01-01T12",
        "2020-01-01T18",
        "2020-01-02T00",
        "2020-01-02T06",
    ]
    assert np.array_equal(training_times(source, DateSettings()), source.times)


def test_a_period_outside_the_data_says_where_they_are(random_source):
    with pytest.raises(DataError, match="reach from 2020-01-01T00 to 2020-01-03T18"):
        training_times(random_source(times=12), DateSettings(start="2021-01-01"))


def test_samples_are_all_windows_without_missing_times(random_source, data_of):
    source = random_source(times=12, missing=(5,))
    data, steps = data_of(source, ["cos_local_time"], times=source.times[1:])
    samples = Samples.within(data, steps, count=1)
    # A step begins at the second of its two input times.
    assert np.searchsorted(source.times, samples.starts).tolist() == [2, 3, 7, 8, 9, 10]
    batch = samples[[2, 0]]  # a batch is in order of time
    states = torch.from_numpy(np.stack([source.fields[1:4], source.fields[6:9]]))
    assert torch.equal(batch.states["data"], states)
    grid, times = source.grid, source.times[[1, 2, 3, 6, 7, 8]]
    expected = forcings.compute(["cos_local_time"], grid.latitudes, grid.longitudes, times)
    np.testing.assert_array_equal(batch.forcings["data"], expected.reshape(2, 3, 20, 1))


def test_too_short_a_period_is_refused(random_source, data_of):
    source = random_source(times=6, missing=(2, 4))
    data, steps = data_of(source)
    with pytest.raises(DataError, match="no 3 consecutive ones"):
        Samples.within(data, steps, count=1)


def test_two_domains_share_the_times_that_both_have(random_source, data_of):
    fast, slow = random_source(times=24), random_source(times=12, points=10, hours=12)
    steps = Rollout().steps({"fast": fast.frequency, "slow": slow.frequency})
    data = {"fast": data_of(fast)[0]["data"], "slow": data_of(slow)[0]["data"]}
    samples = Samples.within(data, steps, count=2)
    # 12 h before, and two steps of 12 h after, at times of both.
    assert samples.starts[[0, -1]].tolist() == slow.times[[1, -3]].tolist()
    batch = samples[[0]]
    assert batch.states["fast"].shape[1] == 6  # -6 h, 0, and four more
    assert torch.equal(batch.states["slow"][0], torch.from_numpy(slow.fields[:4]))


class TestRoles:
    """What each variable is for."""

    @staticmethod
    def source(**metadata):
        rng = np.random.default_rng(0)
        fields = rng.normal(size=(12, 1, 20, 4)).cumsum(axis=0)
        fields[..., 2] = fields[0, ..., 2]  # never changes
        names = ("t", "insolation", "lsm", "tp")
        return Memory(fields, names=names, metadata=metadata)

    def roles(self, data_of, *arguments, **options):
        source = self.source(**options.pop("metadata", {}))
        domain = data_of(source, *arguments, **options)[0]["data"].domain
        return source, domain, {variable.name: variable.role for variable in domain.variables}

    def test_all_is_prognostic_but_what_is_computed_or_accumulated_or_never_changes(self, data_of):
        source, domain, roles = self.roles(data_of, ["cos_latitude"])
        assert roles == {
            "t": Role.PROGNOSTIC,
            "insolation": Role.FORCING,
            "lsm": Role.FORCING,
            "tp": Role.DIAGNOSTIC,
            "cos_latitude": Role.FORCING,
        }
        assert [each.name for each in domain.variables if each.computed] == ["insolation", "cos_latitude"]
        assert [each.name for each in domain.variables if each.constant] == ["lsm", "cos_latitude"]
        np.testing.assert_array_equal(domain.constants["lsm"], source.fields[0, 0, :, 2])

    def test_the_data_say_and_the_user_says_otherwise(self, data_of):
        said = {"tp": Variable("tp", role=Role.DIAGNOSTIC, accumulated=np.timedelta64(6, "h"))}
        assert self.roles(data_of, metadata=said)[2]["tp"] is Role.DIAGNOSTIC
        assert self.roles(data_of, prognostic=["tp"])[2]["tp"] is Role.PROGNOSTIC
        roles = self.roles(data_of, metadata=said, prognostic=["t*"], forcing=["insol*"])
        assert roles[2]["tp"] is Role.PROGNOSTIC
        assert not roles[1]["insolation"].computed
        assert "tp" not in self.roles(data_of, drop=["tp"])[2]

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"diagnostic": ["pt"]}, r"variables.diagnostic: the data have no variable 'pt'.*\n.* tp\."),
            ({"forcing": ["tp"], "diagnostic": ["t*"]}, "tp is in variables.forcing too"),
        ],
    )
    def test_a_role_that_does_not_fit_is_refused(self, data_of, options, said):
        with pytest.raises(ConfigError, match=said):
            self.roles(data_of, **options)

    def test_a_forcing_cannot_be_computed_and_read(self, data_of):
        with pytest.raises(ConfigError, match="insolation is computed, but the data have"):
            self.roles(data_of, ["insolation"], prognostic=["insolation"])


def test_an_option_of_the_objective_gives_the_steps(random_source, data_of):
    source = random_source(times=30)
    data, steps = data_of(source, objective=Rollout(input_steps=3, output_steps=2, lead_time="12h"))
    hours = [int(offset / np.timedelta64(1, "h")) for offset in steps["data"].window(2)]
    assert hours == [-24, -12, 0, 12, 24, 36, 48]
    changes = source.fields[2:].astype("f8") - source.fields[:-2]
    np.testing.assert_allclose(data["data"].domain.changes.stdev, changes.std(axis=(0, 1, 2)), rtol=1e-6)
