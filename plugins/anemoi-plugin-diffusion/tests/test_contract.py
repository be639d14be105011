"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ObjectiveContract


class TestDiffusion(ObjectiveContract):
    name = "diffusion"
    options = {"sampler_steps": 3}  # noqa: RUF012


class TestDiffusionOfStates(ObjectiveContract):
    name = "diffusion"
    options = {  # noqa: RUF012
        "target": "state",
        "noise": "log-normal",
        "sampler": "heun",
        "sampler_steps": 3,
        "churn": 1.0,
        "output_steps": 2,
    }


class TestStochasticInterpolant(ObjectiveContract):
    name = "stochastic-interpolant"
    options = {"sampler_steps": 3}  # noqa: RUF012


class TestStochasticInterpolantByTheOde(ObjectiveContract):
    name = "stochastic-interpolant"
    options = {"sampler": "ode", "sampler_steps": 3}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "diffusion"
