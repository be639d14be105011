"""Forecasts as one file describes them: checkpoint, source, dates, members, and outputs with their chains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from .. import config, plugins
from ..checkpoint import Checkpoint
from ..config import Component, Composition, Spec
from ..config.resolving import not_looked_up, references
from ..errors import ConfigError, PluginError
from .destination import Destination
from .plausible import LIMIT
from .rollout import LEAD_TIME, Precision

T = TypeVar("T")

PRIMARY = "forecast"
"""The configuration that every such file is laid over."""


@dataclass(frozen=True, kw_only=True)
class SuiteOutput:
    """One output of the forecasts.

    Parameters
    ----------
    path
        Where to write, with places for {date}, {lead_time} and {domain}.
    output
        What writes it, with its options; that which the suffix names if none is given.
    postprocess
        The steps that each state goes through before.
    """

    path: str
    output: Annotated[Spec | None, Component("output")] = None
    postprocess: list[Annotated[Spec, Component("postprocessor")]] = field(default_factory=list)

    def destination(self) -> Destination:
        """Find what writes it.

        Raises
        ------
        RequestError, PluginError, ConfigError
            As :meth:`.Destination.of`.
        """
        options = dict(self.output or {})
        name = options.pop("name", None)
        return Destination.of(self.path, name, options=options, postprocess=self.postprocess)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What the configuration ``forecast`` may hold.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    dates
        When to start from, UTC: a date, a range FIRST/LAST/INTERVAL, or a list of these.
    outputs
        What to write.
    lead_time
        How far.
    source
        Where the initial states are, with its options; the training data if none is given.
    sources
        Of a model of several domains, one for each.
    members
        How many ensemble members.
    seeds
        Of random numbers: one for all members, or one for each.
    perturbation
        What gives each member but the first an initial state of its own, with its options.
    persist
        Forcings that keep their values at the start.
    limit
        How many times the range of the training values may be off before a forecast stops.
    allow_unusual
        Variables that need not resemble the training at the start.
    device
        Where to compute; auto is a GPU if there is one.
    precision
        In which the model computes.
    overwrite
        Whether files that are there already are replaced.
    restart
        Whether a journal is kept, and one of an interrupted forecast gone on from.
    dask
        Whether forecasts from several dates are made at once, over a Dask cluster.
    dask_scheduler
        The address of its scheduler; processes on this machine if none is given.
    allow_different_versions
        Whether other plugin versions than the checkpoint's will do.
    """

    checkpoint: str | None = None
    dates: str | list[str] | None = None
    outputs: list[SuiteOutput] = field(default_factory=list)
    lead_time: str = LEAD_TIME
    source: Annotated[Spec | None, Component("source")] = None
    sources: Mapping[str, Annotated[Spec, Component("source")]] = field(default_factory=dict)
    members: int = 1
    seeds: list[int] = field(default_factory=lambda: [0])
    perturbation: Annotated[Spec | None, Component("perturbation")] = None
    persist: list[str] = field(default_factory=list)
    limit: float = LIMIT
    allow_unusual: list[str] = field(default_factory=list)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "32"
    overwrite: bool = False
    restart: bool = False
    dask: bool = False
    dask_scheduler: str | None = None
    allow_different_versions: bool = False

    def check(self, *, trust_code: bool) -> None:
        """Refuse numbers that cannot be; what must be given may yet come from the command line."""
        if self.members < 1:
            raise ConfigError("members: at least 1.")
        if not self.seeds or min(self.seeds) < 0:
            raise ConfigError("seeds: one or more, none below 0.")
        if not self.limit >= 1:
            raise ConfigError("limit: at least 1.")
        if self.source is not None and self.sources:
            raise ConfigError(
                "sources: there is a source besides.", fix="Give one source, or those of the domains."
            )

    def check_whole(self) -> None:
        """Refuse a suite that leaves open what must be given.

        Raises
        ------
        ConfigError
            If it does: all of it.
        """
        absent = [name for name in ("checkpoint", "dates", "outputs") if not getattr(self, name)]
        if absent:
            raise ConfigError(
                f"The suite has no value for {', '.join(absent)}.",
                fix="Write it into the file; --date gives dates for one run.",
            )

    @property
    def starts(self) -> list[str]:
        """The dates and ranges of dates, as they are written."""
        return [self.dates] if isinstance(self.dates, str) else list(self.dates or ())

    def describes_source_of(self, domain: str) -> bool:
        """Whether the file says where the initial states of a domain of its checkpoint are."""
        return self.source is not None or domain in self.sources

    def source_specs(self, checkpoint: Checkpoint, trained_on: Mapping[str, Spec | None]) -> dict[str, Any]:
        """Give the source of each domain of a checkpoint, with its options.

        Parameters
        ----------
        checkpoint
            The checkpoint.
        trained_on
            The source that each domain was trained on.

        Raises
        ------
        ConfigError
            If one is of a domain that the checkpoint does not have, a domain has none, or the one that it was
            trained on depends on the environment.
        """
        return source_specs(checkpoint, self.source, self.sources, trained_on)


def source_specs(
    checkpoint: Checkpoint,
    source: Spec | None,
    sources: Mapping[str, Spec],
    trained_on: Mapping[str, Spec | None],
    section: str = "",
) -> dict[str, Any]:
    """Give the source of each domain of a checkpoint, with its options.

    Parameters
    ----------
    checkpoint, trained_on
        As for :meth:`Suite.source_specs`.
    source
        That of the only domain, if one is given.
    sources
        Those of the domains of several that are given.
    section
        Where a suite gives them, with its last dot, for messages.

    Raises
    ------
    ConfigError
        As for :meth:`Suite.source_specs`.
    """
    known = list(checkpoint.domains)
    given = dict(sources)
    if source is not None:
        if len(known) > 1:
            raise ConfigError(
                f"{section}source: the checkpoint has the domains {', '.join(known)}, each with a source of "
                "its own.",
                fix=f"Write {section}sources: {{{known[0]}: {{name: ...}}, ...}} in place of source.",
            )
        given = {known[0]: source}
    if strange := [name for name in given if name not in known]:
        raise ConfigError(
            f"{section}sources: there is one of {', '.join(strange)}, which is no domain of the checkpoint.",
            fix=f"Its domains: {', '.join(known)}.",
        )
    keys = {name: f"{section}source" if len(known) == 1 else f"{section}sources.{name}" for name in known}
    for name, key in keys.items():
        if not given.get(name):
            _refuse_references(trained_on.get(name), key)
    found = {name: given.get(name) or trained_on.get(name) for name in known}
    if absent := [name for name, spec in found.items() if not spec]:
        raise ConfigError(
            f"The checkpoint names no source of {', '.join(absent)}.",
            fix=f"Name one: {', '.join(keys[name] for name in absent)}.",
        )
    return found


def read_suite(path: Path, overrides: Sequence[str] = ()) -> tuple[Suite, Composition]:
    """Read a file that describes forecasts, over what the layers of configuration say of all forecasts.

    Parameters
    ----------
    path
        The file.
    overrides
        Words of the command line: ``members=4``.

    Raises
    ------
    ConfigError
        With everything that is wrong with it: key, file and line, the nearest right key.
    PluginError
        If components that it names cannot be used here and nothing else is wrong: all of them.
    """
    return read_settings(Suite, PRIMARY, path, overrides)


def read_settings(
    settings: type[T], primary: str, path: Path, overrides: Sequence[str] = ()
) -> tuple[T, Composition]:
    """Read a file over a configuration of any command that makes forecasts.

    Parameters
    ----------
    settings
        The dataclass that declares what the file may hold.
    primary
        The configuration that it is laid over.
    path
        The file.
    overrides
        Words of the command line.

    Raises
    ------
    ConfigError, PluginError
        As :func:`read_suite`.
    """
    composition = config.extend(config.compose(primary), path, overrides)
    try:
        return config.validate(composition, settings), composition
    except ConfigError as error:
        faults = [
            fault
            for fault in config.schema_of(composition, settings).faults.values()
            if isinstance(fault, PluginError)
        ]
        if faults and len(faults) == len(config.problems(composition, settings)):
            raise plugins.together(faults) from error
        raise


def _refuse_references(spec: Mapping[str, Any] | None, key: str) -> None:
    """Refuse to look up in the environment what a checkpoint says of its data: it may be a stranger's.

    Parameters
    ----------
    spec
        The source that the checkpoint was trained on, with its options.
    key
        Where a suite may say of it what it likes.

    Raises
    ------
    ConfigError
        If an option depends on the environment: with the line that has it looked up.
    """
    if found := references(spec or {}):
        option, value = next(iter(found.items()))
        fix = f"In the suite it is looked up: write {key}: {json.dumps(spec)}"
        raise not_looked_up(option, value, fix)
