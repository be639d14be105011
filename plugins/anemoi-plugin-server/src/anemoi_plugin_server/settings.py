"""What the configuration ``serve`` may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from anemoi.core.config import Component, Spec
from pydantic import Field

from .access.settings import AccessSettings
from .operations.settings import OperationsSettings
from .results.settings import KeepingSettings
from .running.settings import RunningSettings


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say.

    Parameters
    ----------
    directory
        Where everything is that the server keeps.
    host
        The address that it listens on; 127.0.0.1 is this machine alone.
    port
        The port that it listens on.
    database
        The URL of the database; a file of SQLite in ``directory`` if none is given.
    sources
        The sources that jobs may read, by name, each with its options.
    outputs
        The formats that jobs may write: for each suffix the output, with its options; those of Zarr, NetCDF
        and GRIB that are installed if none are given.
    running
        Where jobs run, and within which limits.
    access
        Who may do what.
    keeping
        How much is kept, and for how long.
    operations
        How it is logged, and how it ends.
    """

    directory: str = "anemoi-server"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    database: str | None = None
    sources: Mapping[str, Annotated[Spec, Component("source")]] = field(default_factory=dict)
    outputs: Mapping[str, Annotated[Spec, Component("output")]] | None = None
    running: RunningSettings = field(default_factory=RunningSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    keeping: KeepingSettings = field(default_factory=KeepingSettings)
    operations: OperationsSettings = field(default_factory=OperationsSettings)

    @property
    def place(self) -> Path:
        """The directory, absolute."""
        return Path(self.directory).expanduser().absolute()

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return self.database or f"sqlite:///{self.place / 'server.sqlite'}"
