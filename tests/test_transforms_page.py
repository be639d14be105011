"""The worked example of docs/transforms.md does what the page says."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.transforms import build_chain, measured
from anemoi.core.variable import Role, Variable

PAGE = Path(__file__).parents[1] / "docs" / "transforms.md"


def moments(values):
    return [
        each(values, axis=tuple(range(values.ndim - 1)))
        for each in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)
    ]


def test_the_example_is_trained_and_forecast_as_the_page_says():
    specs = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])
    rng = np.random.default_rng(0)
    land = np.arange(30) < 10
    tp = rng.exponential(0.002, (20, 30))
    data = {
        Variable("q_850"): rng.exponential(0.005, (20, 30)),
        Variable("mwd"): rng.uniform(0, 360, (20, 30)),
        Variable("sst", may_be_missing=True): np.where(land, np.nan, rng.normal(290, 5, (20, 30))),
        Variable("ci", may_be_missing=True): np.where(land, np.nan, rng.random((20, 30))),
        Variable("tp", Role.DIAGNOSTIC): tp,
        Variable("cp", Role.DIAGNOSTIC): tp * rng.random((20, 30)),
        Variable("tcc", Role.DIAGNOSTIC): rng.random((20, 30)),
    }
    fields = np.stack([*data.values()], axis=-1).astype(np.float32)
    domain = Domain(
        variables=tuple(data),
        grid=Grid(np.linspace(-80, 80, 30), np.linspace(0, 350, 30)),
        frequency=np.timedelta64(6, "h"),
        statistics=Statistics(*moments(fields)),
        changes=Statistics(*moments(np.diff(fields, axis=0))),
        missing={"sst": land, "ci": land},
    )
    found = measured(specs, domain)
    values = found.apply(torch.tensor(fields), domain.names).numpy()
    rows = np.array([moments(values), moments(np.diff(values, axis=0))])  # (2, 4, names)
    chain = build_chain(
        specs, replace(domain, measured=dict(zip(found.names, np.moveaxis(rows, 2, 0), strict=True)))
    )

    given = dict(zip(chain.after.names, chain(torch.tensor(fields), domain.names).unbind(-1), strict=True))
    root = np.cbrt(fields[..., domain.names.index("tp")])
    np.testing.assert_allclose(given["tp"], (root - root.mean()) / root.std(), atol=1e-4)
    mwd = np.deg2rad(fields[..., domain.names.index("mwd")])
    np.testing.assert_allclose(given["cos_mwd"], np.cos(mwd), atol=1e-6)
    np.testing.assert_allclose(given["sin_mwd"], np.sin(mwd), atol=1e-6)
    np.testing.assert_allclose(given["sst"][:, land], 0, atol=1e-5)

    outputs = chain.enforce(2 * torch.randn(5, 30, len(chain.after.outputs)))
    forecast = dict(zip(domain.outputs, chain.inverse(outputs, domain.outputs).unbind(-1), strict=True))
    assert (forecast["tp"] >= 0).all()
    assert ((forecast["cp"] >= 0) & (forecast["cp"] <= forecast["tp"])).all()
    assert ((forecast["tcc"] >= 0) & (forecast["tcc"] <= 1)).all()
    assert ((forecast["mwd"] >= 0) & (forecast["mwd"] < 360)).all()
    assert torch.equal(forecast["sst"].isnan(), torch.tensor(land).expand(5, 30))
