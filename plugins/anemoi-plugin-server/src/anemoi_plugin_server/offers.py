"""What the operator offers to jobs, by name: models, sources, outputs, and results of earlier jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anemoi.core.config import Composition
from anemoi.core.errors import ConfigError, NotThereError, RequestError
from anemoi.core.plugins import components

from .settings import Settings

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
"""What a model may be called: no name leads out of the directory of models."""

SUFFIX: Final = ".safetensors"

_USUAL: Final = {"zarr": "zarr", "nc": "netcdf", "grib": "grib"}
"""The outputs, by the suffix of the file, that are offered where the operator names none."""


@dataclass(frozen=True)
class Offers:
    """What jobs may name.

    Parameters
    ----------
    models
        The directory of the checkpoints, each ``NAME.safetensors``.
    results
        The directory of the results, each in a directory called after its digest.
    sources, outputs
        The components that the operator allows, with their options, by name.
    """

    models: Path
    results: Path
    sources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, settings: Settings) -> Offers:
        """Those of a server."""
        directory = settings.place
        return cls(
            models=directory / "models",
            results=directory / "results",
            sources=settings.sources,
            outputs=_installed() if settings.outputs is None else settings.outputs,
        )

    def model_names(self) -> list[str]:
        """The names of the models at hand."""
        if not self.models.is_dir():
            return []
        return sorted(
            path.stem
            for path in self.models.iterdir()
            if path.suffix == SUFFIX and NAME.fullmatch(path.stem) and path.is_file()
        )

    def model(self, name: str) -> Path:
        """The checkpoint of a model; see :meth:`.Workspace.model`."""
        if name not in self.model_names():
            raise NotThereError(
                f"There is no model {name!r} on this server.", fix=_there_are(self.model_names())
            )
        return self.models / f"{name}{SUFFIX}"

    def source(self, name: str) -> Mapping[str, Any]:
        """A source; see :meth:`.Workspace.source`."""
        if name not in self.sources:
            raise RequestError(
                f"This server offers no source {name!r}.", fix=_there_are(sorted(self.sources))
            )
        return self.sources[name]

    def output(self, name: str) -> Mapping[str, Any]:
        """An output; see :meth:`.Workspace.output`."""
        if name not in self.outputs:
            raise RequestError(f"This server writes no {name!r}.", fix=_there_are(sorted(self.outputs)))
        return self.outputs[name]


def check_references(composition: Composition) -> None:
    """Refuse sources and outputs that take values from the environment, such as a password.

    Jobs write both into files that their owners see.

    Raises
    ------
    ConfigError
        With every such key.
    """
    shown = [key for key in composition.references if key.startswith(("sources.", "outputs."))]
    if shown:
        raise ConfigError(
            f"{', '.join(shown)}: taken from the environment, and written into files that users see.",
            fix="Let the source read its variables itself, and name these in running.environment.",
        )


def _installed() -> dict[str, dict[str, Any]]:
    """The usual outputs that are installed; none is imported."""
    here = {component.name for component in components("output") if component.state == "ok"}
    return {suffix: {"name": name} for suffix, name in _USUAL.items() if name in here}


def _there_are(names: list[str]) -> str:
    return f"There are: {', '.join(names)}." if names else "There are none."
