"""A run in MLflow, written so that to write it twice changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import Inspection, inspect
from anemoi.core.config.composition import leaves
from anemoi.core.errors import CheckpointError
from matplotlib.figure import Figure
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .local_store import opened
from .spool import SQLITE

BATCH = 1000
"""How many metrics MLflow takes at a time."""

_PARAMETERS = 100
"""How many parameters, or tags, MLflow takes at a time."""

_KEY, _PARAMETER, _TAG = 250, 6000, 5000
"""The longest names, parameters and tags that every server takes, in characters."""

_UID = "anemoi.uid"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class RefusedError(Exception):
    """The store will not take something, now or later."""


class StoredRun:
    """One run in MLflow.

    Parameters
    ----------
    client
        What speaks to the store.
    id
        MLflow's name for the run.
    directory
        The directory of the run, to which paths are relative.
    upload_checkpoints
        Whether checkpoints are copied to the store.
    """

    def __init__(self, client: MlflowClient, id: str, directory: Path, *, upload_checkpoints: bool) -> None:
        self.id = id
        self._client = client
        self._directory = directory
        self._upload_checkpoints = upload_checkpoints

    @classmethod
    def open(cls, start: Mapping[str, Any], uri: str, directory: Path) -> StoredRun:
        """Find the run that began with the record ``start``, or make it."""
        with _refusals(), opened(uri) as client:
            experiment = _experiment(client, start["experiment"], uri)
            # It may be there though its making seemed to fail: the answer got lost.
            found = client.search_runs([experiment], f"tags.`{_UID}` = '{start['uid']}'", max_results=1)
            run = (
                found[0]
                if found
                else client.create_run(
                    experiment,
                    start_time=start["time"],
                    run_name=start["run"],
                    tags={_UID: start["uid"], "mlflow.user": start["user"]},
                )
            )
        return cls(client, run.info.run_id, directory, upload_checkpoints=start["upload_checkpoints"])

    def describe(self, start: Mapping[str, Any]) -> None:
        """Write the parameters, the overrides, the plugin lock and the versions that the run began with."""
        parameters, provenance = start["parameters"], start["provenance"]
        overrides = parameters.get("overrides", [])
        tags = {
            "anemoi.overrides": " ".join(overrides),
            "anemoi.directory": str(self._directory),
            "mlflow.source.name": provenance["command"],
            "mlflow.source.type": "LOCAL",
            **{f"version.{name}": version for name, version in provenance["versions"].items()},
            **dict(map(_override, overrides)),
            **{f"plugin.{entry['role']}": _component(entry) for entry in start["lock"]},
        }
        self._log_parameters(dict(leaves(parameters.get("values", parameters))))
        self._log_tags(tags)
        self._document("configuration.json", parameters)
        self._document("plugin-lock.json", start["lock"])

    def resume(self) -> None:
        """Write that the run, which had ended, goes on."""
        with _refusals():
            self._client.update_run(self.id, status="RUNNING")

    def metrics(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the values of some records of metrics, together no more than :data:`BATCH`."""
        values = [
            Metric(_key(name), float(value), record["time"], record["step"])
            for record in records
            for name, value in record["values"].items()
        ]
        with _refusals():
            self._client.log_batch(self.id, metrics=values, synchronous=True)

    def file(self, path: str) -> None:
        """Store a file that the run made, and write what it says about itself if it is a checkpoint."""
        place = self._directory / path
        if not place.is_file():
            raise RefusedError(f"{place} is not there any more.")
        try:
            found = inspect(place)
        except CheckpointError:
            found = None
        if found is not None:
            self._log_tags(_origin(found))
            self._document("provenance.json", {"identity": found.identity, **found.document["provenance"]})
        if found is None or self._upload_checkpoints:
            with _refusals():
                self._client.log_artifact(self.id, str(place))

    def figures(self, figures: Mapping[str, Figure]) -> None:
        """Store some figures as pictures, by name."""
        for name, figure in figures.items():
            with _refusals():
                self._client.log_figure(self.id, figure, f"plots/{_key(name)}.png")

    def end(self, status: str, time: int | None) -> None:
        """Write how and when the run ended; None is now."""
        with _refusals():
            self._client.set_terminated(self.id, _STATUS.get(status, status), time)

    def _log_parameters(self, values: Mapping[str, Any]) -> None:
        parameters = [Param(_key(name), _short(_text(value), _PARAMETER)) for name, value in values.items()]
        for some in _parts(parameters, _PARAMETERS):
            with _refusals():
                self._client.log_batch(self.id, params=some, synchronous=True)

    def _log_tags(self, values: Mapping[str, str]) -> None:
        tags = [RunTag(_key(name), _short(value, _TAG)) for name, value in values.items()]
        for some in _parts(tags, _PARAMETERS):
            with _refusals():
                self._client.log_batch(self.id, tags=some, synchronous=True)

    def _document(self, name: str, document: Any) -> None:
        with _refusals():
            self._client.log_text(self.id, json.dumps(document, indent=2) + "\n", name)


def _experiment(client: MlflowClient, name: str, uri: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    place = None
    if uri.startswith(SQLITE):  # By itself MLflow would put the files wherever this process happens to run.
        database = Path(uri.removeprefix(SQLITE)).resolve()
        place = database.with_name(f"{database.stem}-artefacts").as_uri()
    return str(client.create_experiment(name, artifact_location=place))


def _override(word: str) -> tuple[str, str]:
    """Say an override as a tag: ``+a.b=1`` is ``override.a.b`` with the value ``1``, ``~a`` says itself."""
    key, _, value = word.partition("=")
    return f"override.{key.lstrip('+~')}", word if word.startswith("~") else value


def _component(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']} ({entry['distribution']}=={entry['version']}, {entry['hash']})"


def _origin(checkpoint: Inspection) -> dict[str, str]:
    """Find what a checkpoint says about where it comes from, as tags."""
    provenance = checkpoint.document["provenance"]
    parents = [str(parent["identity"]) for parent in provenance.get("parents", ()) if "identity" in parent]
    period = provenance.get("training_period", {})
    return {
        "checkpoint.file": checkpoint.path.name,
        "checkpoint.identity": checkpoint.identity,
        "checkpoint.created": str(provenance.get("created", "")),
        "checkpoint.parents": " ".join(parents),
        "checkpoint.training_period": " to ".join(
            str(period[end]) for end in ("start", "end") if end in period
        ),
    }


def _key(name: str) -> str:
    """Make a name of which MLflow takes every character."""
    return re.sub(r"[^\w\-./ ]", "_", name)[:_KEY]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _parts(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell apart what MLflow finds wrong in what it was given: to give it again would not help."""
    try:
        yield
    except MlflowException as error:
        if error.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
            raise RefusedError(str(error)) from error
        raise
