"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import PerturbationContract


class TestGaussian(PerturbationContract):
    name = "gaussian"


class TestGaussianOfSomeVariables(PerturbationContract):
    name = "gaussian"
    options = {"variables": ["t_*", "ci"], "spectrum": [0.0, 1.0, 0.5]}  # noqa: RUF012


class TestLagged(PerturbationContract):
    name = "lagged"


class TestLaggedByTwoSteps(PerturbationContract):
    name = "lagged"
    options = {"lag": "12h"}  # noqa: RUF012


class TestBred(PerturbationContract):
    name = "bred"
    options = {"cycles": 3}  # noqa: RUF012
