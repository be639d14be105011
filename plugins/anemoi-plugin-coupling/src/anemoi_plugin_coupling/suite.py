"""Coupled forecasts as one file describes them: the components, and what each hears of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from anemoi.core.config import Component, Spec
from anemoi.core.errors import ConfigError
from anemoi.core.forecasting import LEAD_TIME, SuiteOutput, read_settings
from anemoi.core.forecasting.plausible import LIMIT

PRIMARY = "couple"
"""The configuration that every such file is laid over."""


@dataclass(frozen=True, kw_only=True)
class CoupledComponent:
    """One checkpoint among several.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    outputs
        What to write of it.
    forcings
        Those of its forcings that come from other components, each as COMPONENT.VARIABLE; of a checkpoint
        with several domains each as DOMAIN.VARIABLE.
    source
        Where its initial states are, and its other forcings; the training data if none is given.
    sources
        Of a checkpoint with several domains, one for each.
    perturbation
        What gives each member but the first an initial state of its own, with its options.
    persist
        Forcings that keep their values at the start.
    allow_unusual
        Variables that need not resemble the training at the start.
    """

    checkpoint: str
    outputs: list[SuiteOutput]
    forcings: Mapping[str, str] = field(default_factory=dict)
    source: Annotated[Spec | None, Component("source")] = None
    sources: Mapping[str, Annotated[Spec, Component("source")]] = field(default_factory=dict)
    perturbation: Annotated[Spec | None, Component("perturbation")] = None
    persist: list[str] = field(default_factory=list)
    allow_unusual: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CoupledSuite:
    """What the configuration ``couple`` may hold.

    Parameters
    ----------
    components
        Two or more, by name.
    dates
        When to start from, UTC: a date, a range FIRST/LAST/INTERVAL, or a list of these.
    interval
        How often the components hear each other: a multiple of the step of each.
    lead_time
        How far.
    neighbours
        How many points of another grid a value is taken from; 1 for the nearest alone.
    members
        How many ensemble members.
    seeds
        Of random numbers: one for all members, or one for each.
    limit
        How many times the range of the training values may be off before the forecast stops.
    device
        Where to compute; auto is a GPU if there is one.
    overwrite
        Whether files that are there already are replaced.
    restart
        Whether journals are kept, and those of an interrupted coupling gone on from.
    allow_different_versions
        Whether other plugin versions than the checkpoints' will do.
    """

    components: Mapping[str, CoupledComponent] = field(default_factory=dict)
    dates: str | list[str] | None = None
    interval: str | None = None
    lead_time: str = LEAD_TIME
    neighbours: int = 4
    members: int = 1
    seeds: list[int] = field(default_factory=lambda: [0])
    limit: float = LIMIT
    device: Literal["auto", "cpu", "cuda"] = "auto"
    overwrite: bool = False
    restart: bool = False
    allow_different_versions: bool = False

    def check(self, *, trust_code: bool) -> None:
        """Refuse numbers that cannot be; what must be given may yet come from the command line."""
        for name in ("members", "neighbours"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: at least 1.")
        if not self.seeds or min(self.seeds) < 0:
            raise ConfigError("seeds: one or more, none below 0.")
        if not self.limit >= 1:
            raise ConfigError("limit: at least 1.")

    def check_whole(self) -> None:
        """Refuse a suite that leaves open what must be given.

        Raises
        ------
        ConfigError
            If it does.
        """
        if absent := [name for name in ("dates", "interval") if not getattr(self, name)]:
            raise ConfigError(f"There is no value for {', '.join(absent)}.", fix="Write it in the file.")
        if len(self.components) < 2:
            raise ConfigError(
                f"A coupled forecast has two components or more; here are {len(self.components)}.",
                fix="Write components: {atmosphere: {checkpoint: ...}, ocean: {checkpoint: ...}}.",
            )
        if silent := [name for name, component in self.components.items() if not component.outputs]:
            raise ConfigError(
                f"Nothing is written of {', '.join(silent)}.", fix="Write outputs: [{path: ...}]."
            )
        if not any(component.forcings for component in self.components.values()):
            raise ConfigError(
                "No component hears another, so that nothing is coupled.",
                fix="Write forcings: {sst: ocean.sst} in a component.",
            )

    @property
    def starts(self) -> list[str]:
        """The dates and ranges of dates, as they are written."""
        return [self.dates] if isinstance(self.dates, str) else list(self.dates or ())


def read_suite(path: Path, overrides: Sequence[str] = ()) -> CoupledSuite:
    """Read a file that describes coupled forecasts, over the layers of configuration.

    Parameters
    ----------
    path
        The file.
    overrides
        Words of the command line: ``lead_time=5d``.

    Raises
    ------
    ConfigError
        With everything that is wrong with it: key, file and line, the nearest right key.
    PluginError
        If a component that it names cannot be used here.
    """
    return read_settings(CoupledSuite, PRIMARY, path, overrides)[0]
