"""``anemoi config``: what a run is configured with, where each value comes from, and whether it is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..secrets import masked

F = TypeVar("F", bound=Callable[..., Any])


def _configuration(function: F) -> F:
    """Add the arguments that choose a configuration."""
    function = click.argument("overrides", nargs=-1)(function)
    return click.option(
        "--config", "primary", default="train", show_default=True, metavar="NAME", help="Which configuration."
    )(function)


def _settings(primary: str) -> type[Any] | None:
    """What core declares of a configuration of its own; None for those of plugins, which declare theirs."""
    if primary != "forecast":
        return None
    from ..forecasting import Suite

    return Suite


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Show, explain and check the configuration of a run.

    A configuration is composed from layers, later ones winning: the core, plugins, the site, the user,
    the working directory's conf/, and the command line.
    """


@command.command()
@_configuration
@_as_json
def show(primary: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print the configuration that a run with these OVERRIDES would have.

    Values that depend on the environment are shown as they are written.
    """
    import yaml

    from ..config import compose

    values = masked(compose(primary, overrides).recorded)
    click.echo(json.dumps(values, indent=2) if as_json else yaml.safe_dump(values, sort_keys=False).rstrip())


@command.command()
@click.argument("key")
@_configuration
@_as_json
def explain(key: str, primary: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Explain where the value of KEY comes from, what it overrode, and which option it sets.

    For a section, every value in it is explained.
    """
    from ..config import compose
    from ..config.explain import explain as explained

    found = explained(compose(primary, overrides), key, _settings(primary))
    if as_json:
        click.echo(json.dumps(masked([each.to_dict() for each in found]), indent=2))
    else:
        click.echo(masked("\n".join(map(str, found))))


@command.command()
@_configuration
@_as_json
def validate(primary: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Refuse what the command would refuse before it reads values: data are opened, models are built.

    Exit code 2 if anything is wrong with the configuration, else that of the command: 3 where data are not
    there, say.
    """
    from ..config import compose
    from ..config.composition import leaves
    from ..config.validate import refuse, rehearse

    composition = compose(primary, overrides)
    found = rehearse(composition, _settings(primary))
    if as_json:
        click.echo(json.dumps(masked([vars(problem) for problem in found]), indent=2))
        click.get_current_context().exit(2 if found else 0)
    refuse(composition, found)
    click.echo(f"The configuration {primary!r} is right: {len(list(leaves(composition.values)))} values.")


@command.command()
@_as_json
def layers(as_json: bool) -> None:
    """List where configuration is read from here, the first to be overruled first."""
    from ..config import find_layers
    from ..config.composition import COMMAND_LINE

    found = find_layers()
    if as_json:
        rows = [{**vars(layer), "directory": layer.directory and str(layer.directory)} for layer in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for layer in found:
        note = f"  ({layer.problem})" if layer.problem else ""
        click.echo(f"{layer.name:<12}  {layer.source:<28}  {layer.directory or '-'}{note}")
    click.echo(f"{COMMAND_LINE:<12}  {'key=value':<28}  -")


@command.command()
@_configuration
@_as_json
def schema(primary: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """List every key that may be set, given the components that the configuration names.

    With --json: as a JSON Schema, which editors check and complete YAML with.
    """
    from ..config import compose
    from ..config.validate import schema_of

    found = schema_of(compose(primary, overrides), _settings(primary))
    if as_json:
        click.echo(json.dumps(found.json_schema(), indent=2))
        return
    for key, option in found.options.items():
        click.echo(f"{key.rpartition('.')[0]}{'.' if '.' in key else ''}{option.parameter}")
        if option.parameter.doc:
            click.echo(f"    {option.parameter.doc}")
