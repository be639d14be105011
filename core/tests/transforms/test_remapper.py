from dataclasses import replace

import numpy as np
import pytest
import torch

from anemoi.core.errors import ConfigError
from anemoi.core.transforms import Remapper

from .conftest import moments

OPTIONS = {"log1p": ["tp", "cp"], "cube_root": ["q_*"], "angle": ["mwd"]}


@pytest.fixture
def remapped(domain, fields):
    """A domain with what has to be measured, and the remapper on it."""
    x = {name: fields[..., place].astype(np.float64) for place, name in enumerate(domain.names)}
    made = {name: np.log1p(x[name]) for name in ("tp", "cp")} | {
        name: np.cbrt(x[name]) for name in ("q_500", "q_850")
    }
    made |= {"cos_mwd": np.cos(np.deg2rad(x["mwd"])), "sin_mwd": np.sin(np.deg2rad(x["mwd"]))}
    measured = {name: moments(values) for name, values in made.items()}
    return made, Remapper(domain=replace(domain, measured=measured), **OPTIONS)


def test_each_function_is_its_formula(remapped, domain, fields):
    made, remapper = remapped
    given = remapper(torch.tensor(fields), domain.names)
    after = remapper.renamed(domain.names)
    assert after == (
        "t_850", "q_500", "q_850", "cos_mwd", "sin_mwd", "sst", "lsm", "insolation", "ice", "tp", "cp", "tcc"
    )  # fmt: skip
    for place, name in enumerate(after):
        expected = made[name] if name in made else fields[..., domain.names.index(name)]
        np.testing.assert_allclose(given[..., place], expected, rtol=2e-6, atol=2e-7, err_msg=name)


def test_it_comes_back_for_any_variables_in_any_order(remapped, domain, fields):
    _, remapper = remapped
    rng = np.random.default_rng(1)
    for _ in range(30):
        names = tuple(rng.permutation(domain.names)[: rng.integers(1, len(domain.names) + 1)])
        x = torch.tensor(fields[..., domain.columns(names)])
        out = remapper.inverse(remapper(x, names), names)
        np.testing.assert_allclose(out, x, rtol=2e-6, atol=1e-4 if "mwd" in names else 1e-8)


def test_what_it_leaves(remapped, domain):
    made, remapper = remapped
    after = remapper.after
    assert remapper.measures == set(made)
    assert remapper.touches == {"tp", "cp", "q_500", "q_850", "mwd"}
    assert after.names == remapper.renamed(domain.names)
    assert after.outputs == remapper.renamed(domain.outputs)
    assert after["cos_mwd"].role is domain["mwd"].role
    assert {name for name in after.names if after[name].units is not None} == {"t_850", "sst"}
    for name in after.names:
        place = after.names.index(name)
        for row, found in enumerate((after.statistics, after.changes)):
            old = vars((domain.statistics, domain.changes)[row])
            expected = (
                remapper.before.measured[name][row]
                if name in made
                else [each[domain.names.index(name)] for each in old.values()]
            )
            np.testing.assert_array_equal([each[place] for each in vars(found).values()], expected)
    assert set(after.missing) == {"sst", "ice"}


def test_constants_and_masks_go_through_it(fields, domain):
    tall = replace(domain, constants={"lsm": domain.constants["lsm"] * 26})
    masked = replace(tall, missing={"mwd": domain.missing["sst"]}, measured={
        name: np.zeros((2, 4)) for name in ("lsm", "cos_mwd", "sin_mwd")
    })  # fmt: skip
    after = Remapper(domain=masked, cube_root=["lsm"], angle=["mwd"]).after
    np.testing.assert_allclose(after.constants["lsm"], np.cbrt(26 * domain.constants["lsm"]), rtol=1e-6)
    for name in ("cos_mwd", "sin_mwd"):
        np.testing.assert_array_equal(after.missing[name], domain.missing["sst"])


def test_nans_go_on(remapped):
    _, remapper = remapped
    for name in ("tp", "q_500", "mwd"):
        x = torch.full((12, 1), torch.nan)
        assert remapper(x, (name,)).isnan().all()
        assert remapper.inverse(remapper(x, (name,)), (name,)).isnan().all()


def test_angles_come_back_within_a_turn(remapped):
    _, remapper = remapped
    angles = torch.tensor([0.0, -1e-9, 90, 180, 270, 359.99998, 360, 725, -90, -1e-6])[:, None]
    back = remapper.inverse(remapper(angles, ("mwd",)), ("mwd",))
    assert ((back >= 0) & (back < 360)).all()
    turn = (back - angles).remainder(360)
    assert torch.minimum(turn, 360 - turn).max() < 1e-4
    tiny = torch.tensor([[1.0, -1e-12], [0.0, 0.0], [5.0, 5.0]])  # not on the circle, as a network gives them
    assert remapper.inverse(tiny, ("mwd",))[:, 0].tolist() == pytest.approx([0, 0, 45])


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-42, 1e-30, 1.0, -8.0])
def test_gradients_are_finite_at_zero(remapped, value):
    _, remapper = remapped
    x = torch.full((3, 2), value, requires_grad=True)
    names = ("q_500", "tp")
    remapper(remapper.inverse(x, names), names).sum().backward()
    assert x.grad.isfinite().all()
    y = torch.full((3, 1), value, requires_grad=True)
    remapper(y, ("q_500",)).sum().backward()
    assert y.grad.isfinite().all()
    z = torch.full((3, 2), value, requires_grad=True)
    remapper.inverse(z, ("mwd",)).sum().backward()
    assert z.grad.isfinite().all()


def test_what_is_not_measured_is_asked_for(domain):
    remapper = Remapper(domain=domain, **OPTIONS)
    with pytest.raises(ConfigError, match=r"statistics of q_500 after the remapper have not been measured"):
        remapper.after  # noqa: B018


def test_a_logarithm_that_is_not_defined_is_refused(domain, fields):
    shifted = replace(
        domain, statistics=replace(domain.statistics, minimum=domain.statistics.minimum - 1.0),
        measured={"tp": np.zeros((2, 4))},
    )  # fmt: skip
    with pytest.raises(ConfigError, match="log1p of tp is not defined: its minimum is -1"):
        Remapper(domain=shifted, log1p=["tp"]).after  # noqa: B018


def test_contradictions_are_refused(domain):
    with pytest.raises(ConfigError, match="tp is chosen twice: log1p and cube_root"):
        Remapper(domain=domain, log1p=["tp"], cube_root=["?p"])
    with pytest.raises(ConfigError, match=r"angle: no variable is called 'mdw'(.|\n)*'mwd'"):
        Remapper(domain=domain, angle=["mdw"])
    taken = replace(domain, variables=tuple(
        replace(each, name="cos_mwd") if each.name == "tcc" else each for each in domain.variables
    ))  # fmt: skip
    with pytest.raises(ConfigError, match="mwd becomes cos_mwd, but"):
        Remapper(domain=taken, angle=["mwd"])
