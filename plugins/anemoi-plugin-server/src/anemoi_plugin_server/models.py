"""What the models at hand say of themselves, and whether they can run here. Nothing in them is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from anemoi.core.checkpoint import Inspection, Mismatch, compare, inspect, targets
from anemoi.core.errors import AnemoiError, PluginError
from anemoi.core.plugins import together


@dataclass(frozen=True, eq=False)
class Model:
    """A checkpoint that has been inspected.

    Parameters
    ----------
    name
        What jobs call it.
    inspection
        What it says.
    mismatches
        How the plugins here differ from its own.
    """

    name: str
    inspection: Inspection
    mismatches: tuple[Mismatch, ...]

    @classmethod
    def read(cls, path: Path) -> Model:
        """Read and verify a checkpoint; again only if the file is another.

        Raises
        ------
        CheckpointError
            If it is none, or is damaged.
        """
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_ino, status.st_size)

    def check_usable(self) -> None:
        """Check that a forecast can be made with it here.

        Raises
        ------
        PluginError
            If plugins that it needs are absent, of a version that does not read it, or cannot be used; or if
            it names code outside plugins, which no server runs.
        """
        errors = [
            PluginError(each.message, fix=each.fix)
            for each in self.mismatches
            if each.entry.needed and each.severity != "content"
        ]
        if code := sorted(set(targets(self.inspection.document["configuration"]))):
            errors.append(PluginError(f"It names code outside any plugin: {', '.join(code)}."))
        if errors:
            raise together(errors)

    def problem(self) -> Mapping[str, str | None] | None:
        """What :meth:`check_usable` refuses, in words; None if it does not."""
        try:
            self.check_usable()
        except PluginError as error:
            return {"what": error.what, "fix": error.fix}
        return None

    def summary(self) -> dict[str, Any]:
        """What a list says of it, as JSON."""
        found, document = self.inspection, self.inspection.document
        provenance = document["provenance"]
        return {
            "name": self.name,
            "size": found.size,
            "identity": found.identity,
            "parameters": found.parameters,
            "model": document["configuration"]["model"].get("name"),
            "created": provenance.get("created"),
            "domains": {
                name: {
                    "variables": said["variables"],
                    "frequency": said["frequency"],
                    "steps": said["steps"],
                    "points": found.points[name],
                    "spacing_km": round(found.spacing[name], 1),
                }
                for name, said in document["domains"].items()
            },
            "problem": self.problem(),
        }

    def whole(self) -> dict[str, Any]:
        """All that it says, as JSON, with its plugins and whether each is here."""
        document = self.inspection.document
        here = {each.entry: each for each in self.mismatches}
        return {
            **self.summary(),
            "format_version": self.inspection.format_version,
            "provenance": document["provenance"],
            "configuration": document["configuration"],
            "overrides": document["overrides"],
            "plugins": [
                {
                    **asdict(entry),
                    "here": here[entry].severity if entry in here else "ok",
                    "message": here[entry].message if entry in here else None,
                    "fix": here[entry].fix if entry in here else None,
                }
                for entry in self.inspection.lock
            ],
        }


def summary_of(path: Path) -> dict[str, Any]:
    """The summary of the model in a file, also where it cannot be read: then its problem says why."""
    try:
        return Model.read(path).summary()
    except AnemoiError as error:
        return {"name": path.stem, "problem": {"what": error.what, "fix": error.fix}}


def verify(path: Path) -> Inspection:
    """Inspect a checkpoint; one at a time, because the whole file is in memory meanwhile.

    Raises
    ------
    CheckpointError
        As :meth:`Model.read`.
    """
    with _ONE:
        return inspect(path)


_ONE: Final = Lock()


@lru_cache(maxsize=256)
def _read(path: Path, *_: int) -> Model:
    found = verify(path)
    return Model(path.stem, found, compare(found.lock))
