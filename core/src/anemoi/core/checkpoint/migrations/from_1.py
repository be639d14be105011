"""From format 1, of the line 0.1: one data set, every variable prognostic, two states in and one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...times import parse_duration
from ..contents import Stored

_CONSTANT = frozenset({"cos_latitude", "sin_latitude", "cos_longitude", "sin_longitude"})
_WEIGHTS = {
    "weights/encoder.": "weights/network.encoders.data.",
    "weights/processor.": "weights/network.processor.",
    "weights/decoder.": "weights/network.decoders.data.",
}
_PARTS = ("encoder", "processor", "decoder")
_CONFIGURATION = {
    "objective": {"name": "rollout", "input_steps": 2, "output_steps": 1, "lead_time": None},
    "transforms": {"normaliser": {"name": "normaliser"}},
    "scalers": {"area": {"name": "area"}, "tendency": {"name": "tendency-variance"}},
}
"""What was the only way then, and is a choice now."""


def upgrade(
    document: Mapping[str, Any], tensors: Mapping[str, Stored]
) -> tuple[dict[str, Any], dict[str, Stored]]:
    """Give what format 2 holds; see docs/checkpoint.md."""
    before = document["configuration"]
    names, forcings = list(document["variables"]), list(before.get("forcings", ()))
    seconds = int(parse_duration(document["frequency"]) / np.timedelta64(1, "s"))
    domain = {
        "variables": [
            *(_prognostic(name, document["units"].get(name)) for name in names),
            *(_forcing(name) for name in forcings),
        ],
        "frequency": document["frequency"],
        "field_shape": document["grid"].get("field_shape"),
        "steps": {"inputs": [-seconds, 0], "outputs": [seconds], "step": seconds, "interval": seconds},
        "constants": [],
        "missing": [],
        "measured": [],
    }
    model = {"name": "encoder-processor-decoder", **before["model"]}
    lock = [
        {
            **entry,
            "role": f"model.{entry['role']}" if entry["role"] in _PARTS else entry["role"],
            # No plugin of that time can be installed beside this core; whether a newer one builds the same
            # model, the names and shapes of the weights tell.
            "accepts": f">={entry['version'].partition('+')[0]}",  # A range names no local version.
        }
        for entry in document["lock"]
    ]
    kept = {key: document[key] for key in ("graph", "overrides", "provenance")}
    return {
        **kept,
        "domains": {"data": domain},
        "configuration": {**before, **_CONFIGURATION, "model": model},
        "lock": lock,
    }, {**dict(_renamed(tensors)), **_statistics(tensors, len(forcings))}


def _prognostic(name: str, units: str | None) -> dict[str, Any]:
    return {"name": name, "role": "prognostic", **({} if units is None else {"units": units})}


def _forcing(name: str) -> dict[str, Any]:
    constant = {"constant": True} if name in _CONSTANT else {}
    return {"name": name, "role": "forcing", "computed": True, **constant}


def _renamed(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    found = {}
    for name, stored in tensors.items():
        if name.startswith("statistics/"):
            continue
        for old, new in {**_WEIGHTS, "grid/": "domains/data/"}.items():
            if name.startswith(old):
                name = new + name.removeprefix(old)
                break
        found[name] = stored
    return found


def _statistics(tensors: Mapping[str, Stored], forcings: int) -> dict[str, Stored]:
    """Statistics of values and of changes; forcings were not normalised, and extremes were not kept."""
    mean, stdev, change = (
        tensors[f"statistics/{name}"].array().astype(np.float64)
        for name in ("mean", "stdev", "tendency_stdev")
    )

    def column(values: NDArray[np.float64], of_forcings: float) -> Stored:
        return Stored.of(np.concatenate([values, np.full(forcings, of_forcings)]))

    unknown = np.full_like(mean, np.nan)
    found = {
        "statistics/mean": column(mean, 0.0),
        "statistics/stdev": column(stdev, 1.0),
        "changes/mean": column(np.zeros_like(mean), np.nan),
        "changes/stdev": column(change, np.nan),
    }
    for which in ("statistics", "changes"):
        for extreme in ("minimum", "maximum"):
            found[f"{which}/{extreme}"] = column(unknown, np.nan)
    return {f"domains/data/{name}": stored for name, stored in found.items()}
