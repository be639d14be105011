"""``anemoi forecast SUITE.yaml``: what a file asks for, and which options change it for one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from ..errors import PluginError
from ..forecasting import Suite, read_suite
from ..plugins import Needs
from .forecast_run import Request
from .options import trained_on

_KEYS: Final = (
    "dates", "lead_time", "members", "persist", "limit", "allow_unusual", "seeds", "precision", "overwrite",
    "restart", "device", "dask", "dask_scheduler", "allow_different_versions",
)  # fmt: skip
"""The options that stand for a key of a suite, which their parameters are named after."""

_REFUSED: Final = {
    "paths": "--output",
    "output_name": "--format",
    "options": "--output-option",
    "postprocess": "--postprocess",
    "sources": "--source",
    "boundary": "--boundary",
    "perturb": "--perturb",
}
"""The options about what a suite has in sections."""


def of_suite(path: Path, overrides: Sequence[str], context: click.Context) -> Request:
    """Read a suite, with what the command line changes of it.

    Raises
    ------
    ConfigError
        With everything that is wrong with it.
    PluginError
        If components that it or its checkpoint names cannot be used here: all of them.
    """
    given = _given(context)
    if refused := [option for name, option in _REFUSED.items() if name in given]:
        raise click.UsageError(f"{', '.join(refused)} cannot be given with {path}, which says that itself.")
    unusable: PluginError | None = None
    try:
        suite, _ = read_suite(path, overrides)
    except PluginError as error:  # told with what the checkpoint and the source lack
        suite, unusable = _as_written(path, overrides), error
    suite = replace(suite, **{key: _value(given[key]) for key in _KEYS if key in given})
    suite.check_whole()
    return Request(
        checkpoint=Path(str(suite.checkpoint)).expanduser(),
        dates=suite.starts,
        lead_time=suite.lead_time,
        destinations=lambda: _destinations(suite, unusable),
        sources=lambda loaded: suite.source_specs(loaded, trained_on(loaded.configuration)),
        device=suite.device,
        trust_code=bool(given.get("trust_code")),
        own_source=suite.describes_source_of,
        allow_different_versions=suite.allow_different_versions,
        dask=suite.dask or suite.dask_scheduler is not None,
        dask_scheduler=suite.dask_scheduler,
        how={
            "members": suite.members,
            "persist": suite.persist,
            "seed": suite.seeds,
            "perturbation": suite.perturbation,
            "limit": suite.limit,
            "allow_unusual": suite.allow_unusual,
            "precision": suite.precision,
            "overwrite": suite.overwrite,
            "restart": suite.restart,
        },
    )


def hand_over(path: Path, overrides: Sequence[str], context: click.Context) -> None:
    """Let the command ``couple`` make the coupled forecasts that a suite describes.

    Raises
    ------
    PluginError
        If no plugin here has that command.
    """
    from ..plugins import load as load_component

    command: click.Command = load_component("command", "couple")
    taken = {each.name for each in command.params}
    given = {name: value for name, value in _given(context).items() if name not in ("checkpoint", "couple")}
    options = {each.name: each.opts[0] for each in context.command.params}
    if refused := [options[name] for name in given if name not in taken]:
        raise click.UsageError(
            f"{', '.join(refused)} cannot be given with --couple: write it in {path}, or as KEY=VALUE."
        )
    context.invoke(command, **{**given, "suite": path, "overrides": tuple(overrides)})


def _given(context: click.Context) -> dict[str, Any]:
    """The parameters that the command line gives."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }


def _value(given: Any) -> Any:
    return list(given) if isinstance(given, tuple) else given


def _destinations(suite: Suite, unusable: PluginError | None) -> list[Any]:
    if unusable is not None:
        raise unusable
    needs, found = Needs(), []
    for output in suite.outputs:
        with needs.noted():
            found.append(output.destination())
    needs.check()
    return found


def _as_written(path: Path, overrides: Sequence[str]) -> Suite:
    """The same suite, in which nothing is wrong but that components that it names are not here."""
    from ..config import compose, extend
    from ..forecasting.suite import PRIMARY

    return Suite(**extend(compose(PRIMARY), path, overrides).values)
