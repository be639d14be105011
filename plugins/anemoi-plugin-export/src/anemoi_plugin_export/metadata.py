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

from anemoi.core.checkpoint import container
from anemoi.core.errors import CheckpointError
from anemoi.core.files import write_whole
from anemoi.core.times import parse_date, parse_duration

FOLDER = "anemoi-metadata"


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
    name, *others = contents.document["domains"]
    if others:
        raise CheckpointError(
            f"{checkpoint} has several domains ({', '.join([name, *others])}), which these tools do not know."
        )
    arrays = {
        axis: contents.tensors[f"domains/{name}/{axis}"].array() for axis in ("latitudes", "longitudes")
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
    try:
        write_whole(path, archive.getbuffer())
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix=f"Check that the directory {path.parent} exists, can be written and has room.",
        ) from error
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
    configuration, made = document["configuration"], document["provenance"]
    ((name, domain),) = document["domains"].items()
    data = (configuration.get("domains") or {}).get(name, configuration)["data"]
    variables, steps = domain["variables"], domain["steps"]
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
                "timestep": domain["frequency"],
                "frequency": domain["frequency"],
                "forcing": _names(variables, "forcing"),
                "diagnostic": _names(variables, "diagnostic"),
            },
            "training": {
                "multistep_input": len(steps["inputs"]),
                "multistep_output": len(steps["outputs"]),
                "precision": "32",
            },
            "dataloader": {"training": {"dataset": data, **period}},
            **{part: configuration[part] for part in ("model", "graph") if part in configuration},
        },
        "dataset": {
            "variables": [each["name"] for each in variables],
            "variables_metadata": {each["name"]: _metadata(each) for each in variables},
            "shape": [_dates(period, domain["frequency"]), len(variables), 1, points],
            "frequency": domain["frequency"],
            "field_shape": domain["field_shape"],
            "arguments": {"args": [], "kwargs": dict(data)},
            "sources": [each for each in made.get("parents", ()) if each.get("kind") != "graph"],
        },
        "data_indices": _indices(variables),
        "provenance_training": {
            "python": python,
            "time": made.get("created"),
            "module_versions": {name: version.partition("+")[0] for name, version in versions.items()},
            "distribution_names": {name: name for name in versions},
            "git_versions": {},
        },
    }


def _names(variables: Sequence[Mapping[str, Any]], role: str) -> list[str]:
    return [each["name"] for each in variables if each["role"] == role]


def _metadata(variable: Mapping[str, Any]) -> dict[str, Any]:
    found = {} if "units" not in variable else {"units": variable["units"]}
    if variable["role"] == "forcing":
        said = {"computed_forcing": "computed", "constant_in_time": "constant"}
        found |= {theirs: bool(variable.get(ours)) for theirs, ours in said.items()}
    return found


def _dates(period: Mapping[str, str], frequency: str) -> int:
    if not period:
        return 0
    span = parse_date(period["end"]) - parse_date(period["start"])
    return int(span // parse_duration(frequency)) + 1


def _indices(variables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which columns are what, of the data and of what the model takes and gives."""
    roles = [each["role"] for each in variables]

    def columns(taken: Sequence[str], among: Sequence[str]) -> dict[str, list[int]]:
        """The places, among those variables that are there, of those that are taken, all and by role."""
        there = [role for role in roles if role in among]
        of = {
            role: [place for place, each in enumerate(there) if each == role and role in taken]
            for role in ("forcing", "diagnostic", "prognostic")
        }
        return {"full": [place for place, each in enumerate(there) if each in taken], **of}

    everything = ("forcing", "diagnostic", "prognostic")
    taken, given = ("forcing", "prognostic"), ("diagnostic", "prognostic")
    return {
        "data": {"input": columns(taken, everything), "output": columns(given, everything)},
        "model": {"input": columns(taken, taken), "output": columns(given, given)},
    }
