"""What a checkpoint says of itself, as anemoi-utils and ``anemoi-inference inspect`` read it.

They look in a zip file for ``anemoi.json`` and for the arrays that it names. What it says has the names of a
checkpoint that anemoi-training wrote for one data set: variables come first, computed forcings behind them.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError
from ..times import parse_date, parse_duration
from . import container

FOLDER = "anemoi-metadata"
_ALWAYS_THE_SAME = ("cos_latitude", "sin_latitude", "cos_longitude", "sin_longitude")


def export_metadata(
    checkpoint: str | os.PathLike[str], path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write what a checkpoint says of itself for the tools of anemoi-utils 0.5 and anemoi-inference 0.13.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    path
        The zip file to make, ``model.ckpt`` say. It holds no weights: nothing can be forecast with it.
    overwrite
        Whether a file at ``path`` may be replaced.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be read, or the file not be written.
    """
    contents, path = container.read(Path(checkpoint)), Path(path)
    arrays = {
        axis: np.frombuffer(contents.bytes_of(f"grid/{axis}"), dtype="<f8")
        for axis in ("latitudes", "longitudes")
    }
    said = {
        **metadata(contents.identity, contents.document, len(arrays["latitudes"])),
        "supporting_arrays_paths": {
            name: {"path": f"{FOLDER}/{name}.numpy", "shape": array.shape, "dtype": "float64"}
            for name, array in arrays.items()
        },
    }
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} is there already.", fix="Choose another, or replace it: --overwrite")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{FOLDER}/anemoi.json", json.dumps(said, indent=2))
        for name, array in arrays.items():
            file.writestr(f"{FOLDER}/{name}.numpy", array.tobytes())
    container.place(path, archive.getbuffer())
    return path


def metadata(identity: str, document: Mapping[str, Any], points: int) -> dict[str, Any]:
    """The contents of ``anemoi.json``, without the places of arrays.

    Parameters
    ----------
    identity
        Of the checkpoint.
    document
        What it says in words and numbers.
    points
        How many points its grid has.
    """
    from ..model.assembly import INPUT_STEPS  # brings torch

    configuration, made = document["configuration"], document["provenance"]
    variables, forcings = list(document["variables"]), list(configuration.get("forcings", ()))
    lock = {entry["distribution"]: entry["version"] for entry in document["lock"]}
    versions = {**made.get("versions", {}), **lock}
    python = versions.pop("python", None)
    period = made.get("training_period") or {}
    return {
        "version": "1.0",
        "uuid": identity,
        "run_id": identity,
        "timestamp": made.get("created"),
        "command_line": made.get("command"),
        "config": {
            "data": {
                "timestep": document["frequency"],
                "frequency": document["frequency"],
                "forcing": forcings,
                "diagnostic": [],
            },
            "training": {"multistep_input": INPUT_STEPS, "multistep_output": 1, "precision": "32"},
            "dataloader": {"training": {"dataset": configuration["data"], **period}},
            **{part: configuration[part] for part in ("model", "graph") if part in configuration},
        },
        "dataset": {
            "variables": [*variables, *forcings],
            "variables_metadata": {
                **{name: _units(document["units"].get(name)) for name in variables},
                **{name: _forcing(name) for name in forcings},
            },
            "shape": [_dates(period, document["frequency"]), len(variables) + len(forcings), 1, points],
            "frequency": document["frequency"],
            "field_shape": document["grid"].get("field_shape"),
            "arguments": {"args": [], "kwargs": dict(configuration["data"])},
            "sources": [each for each in made.get("parents", ()) if each.get("kind") != "graph"],
        },
        "data_indices": _indices(len(variables), len(forcings)),
        "provenance_training": {
            "python": python,
            "time": made.get("created"),
            "module_versions": {name: version.partition("+")[0] for name, version in versions.items()},
            "distribution_names": {name: name for name in versions},
            "git_versions": {},
        },
    }


def _units(units: str | None) -> dict[str, str]:
    return {} if units is None else {"units": units}


def _forcing(name: str) -> dict[str, bool]:
    return {"computed_forcing": True, "constant_in_time": name in _ALWAYS_THE_SAME}


def _dates(period: Mapping[str, str], frequency: str) -> int:
    if not period:
        return 0
    span = parse_date(period["end"]) - parse_date(period["start"])
    return int(span // parse_duration(frequency)) + 1


def _indices(variables: int, forcings: int) -> dict[str, Any]:
    """Which columns are what: of the data, and of what the model takes and gives, which are the same here."""
    states = range(variables)
    added = range(variables, variables + forcings)

    def columns(full: Sequence[int], forcing: Sequence[int]) -> dict[str, list[int]]:
        return {
            "full": list(full), "forcing": list(forcing), "diagnostic": [], "prognostic": list(states),
        }  # fmt: skip

    side = {"input": columns([*states, *added], added), "output": columns(states, ())}
    return {"data": side, "model": side}
