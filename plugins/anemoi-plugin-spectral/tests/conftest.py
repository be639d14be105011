"""Grids and domains to build models on."""

import numpy as np
import pytest
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable


@pytest.fixture
def lattice():
    """Make a grid row by row."""

    def make(latitudes, longitudes):
        places = np.meshgrid(np.asarray(latitudes, float), np.asarray(longitudes, float), indexing="ij")
        return Grid(*(each.ravel() for each in places), field_shape=places[0].shape)

    return make


@pytest.fixture
def gaussian(lattice):
    """Make a full Gaussian grid from north to south."""

    def make(rows, columns):
        sines = np.polynomial.legendre.leggauss(rows)[0][::-1]
        return lattice(np.rad2deg(np.arcsin(sines)), np.arange(columns) * 360 / columns)

    return make


@pytest.fixture
def domain(gaussian):
    """Make a domain of variables named by their roles."""

    def make(grid=None, prognostic="tq", forcing="i", diagnostic="p", change=0.1):
        roles = {Role.PROGNOSTIC: prognostic, Role.FORCING: forcing, Role.DIAGNOSTIC: diagnostic}
        variables = tuple(Variable(name, role=role) for role, names in roles.items() for name in names)
        zeros, ones = np.zeros(len(variables)), np.ones(len(variables))
        changes = [change if each.role is Role.PROGNOSTIC else np.nan for each in variables]
        return Domain(
            variables=variables,
            grid=gaussian(12, 24) if grid is None else grid,
            frequency=np.timedelta64(6, "h"),
            statistics=Statistics(zeros, ones, -ones, ones),
            changes=Statistics(zeros, np.array(changes), -ones, ones),
        )

    return make


@pytest.fixture
def steps():
    """Make steps of six hours."""

    def make(inputs=2, outputs=1):
        six = np.timedelta64(6 * 3600, "s")
        times = [number * six for number in range(1 - inputs, 1 + outputs)]
        return Steps(tuple(times[:inputs]), tuple(times[inputs:]), max(times[-1], six), six)

    return make
