"""``anemoi plugins``: what is installed, whether it can be used, and why not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import PluginError
from ..plugins import STATES, components
from . import kind_name
from .groups import OpenGroup
from .table import print_table

if TYPE_CHECKING:
    from ..plugins import Diagnosis, InstalledComponent

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for one component to load.",
)
_catalogue = click.option(
    "--catalogue",
    metavar="FILE|URL",
    help="The catalogue.json to read, as anemoi-meta-ci writes it.",
)


@click.group(cls=OpenGroup, prefix="plugins.")
def command() -> None:
    """List, explain, install and block plugins; with anemoi-plugin-testing, also check and make them."""


@command.command("list")
@click.option(
    "--kind",
    metavar="KIND",
    callback=kind_name.checked,
    shell_complete=kind_name.complete,
    help="Only components of this kind.",
)
@click.option("--state", type=click.Choice(STATES), help="Only components in this state.")
@click.option("--load", is_flag=True, help="Load each in a process of its own, to find the broken ones too.")
@_as_json
def list_(kind: str | None, state: str | None, load: bool, as_json: bool) -> None:
    """List every component, and whether it can be used.

    Only metadata are read, and no plugin is imported, so a component that is ok may still turn out
    to be broken; --load tries.
    """
    found = components(kind)
    if load:
        from ..plugins import diagnose

        found = [diagnosis.component for diagnosis in diagnose(found, timeout=60.0)]
    found = [component for component in found if state in (None, component.state)]
    if as_json:
        _print_json([asdict(component) for component in found])
        return
    rows = [(c.name, c.kind, c.distribution, c.version, c.state, c.reason) for c in found]
    print_table(("name", "kind", "distribution", "version", "state", "reason"), rows)


@command.command()
@click.argument("name")
@click.option("--load", is_flag=True, help="Import it, and tell its options too.")
@_catalogue
@_as_json
def info(name: str, load: bool, catalogue: str | None, as_json: bool) -> None:
    """Tell all that is known about NAME without importing it, installed or not.

    NAME is a component, a distribution, or DISTRIBUTION:COMPONENT; with --catalogue, of those listed there.
    """
    from ..plugins import information, named

    if catalogue is not None:
        found = _known(name, catalogue)
    else:
        try:
            found = [information(each) | (_loaded(each) if load else {}) for each in named(name)]
        except PluginError:
            if load or not (found := [{"state": "not installed", **each} for each in _known(name)]):
                raise
    if not found:
        raise PluginError(f"{catalogue} lists no {name!r}.", fix="See: anemoi plugins search")
    if as_json:
        _print_json(found)
        return
    for number, facts in enumerate(found):
        if number:
            click.echo()
        _print_facts(
            (key, "; ".join(value) if isinstance(value, (list, tuple)) else value)
            for key, value in facts.items()
        )


@command.command()
@click.argument("words", nargs=-1, metavar="[WORD]...")
@_catalogue
@_as_json
def search(words: tuple[str, ...], catalogue: str | None, as_json: bool) -> None:
    """Search the components that are known, installed or not, for every WORD.

    The catalogue that comes with core is searched, without any network; --catalogue names a fuller one,
    which knows what was proved: versions of core that a component works with, where else stands the range
    that it declares.
    """
    from ..plugins import search as search_catalogue

    found = search_catalogue(words, catalogue)
    if as_json:
        _print_json([asdict(each) for each in found])
        return
    rows = [
        (each.name, each.kind, each.distribution, each.works_with or each.declared_range, each.description)
        for each in found
    ]
    print_table(("name", "kind", "distribution", "works with", "what it is"), rows)


@command.command()
@click.argument("name")
def why(name: str) -> None:
    """Say why NAME is in the state it is in: which rule hid, blocked, shadowed or refused it."""
    from ..plugins import named, reasons

    for number, component in enumerate(named(name)):
        if number:
            click.echo()
        click.echo(f"{component.kind} {component.name} of {component.distribution} {component.version}")
        _print_facts((f"  {rule}", verdict) for rule, verdict in reasons(component))


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_as_json
@_timeout
@click.pass_context
def doctor(ctx: click.Context, names: tuple[str, ...], as_json: bool, timeout: float) -> None:
    """Load every component, or those of NAME, each in a process of its own, and report.

    The exit code is 1 if anything is not ok.
    """
    from ..plugins import diagnose, named

    chosen = dict.fromkeys(one for name in names for one in named(name)) if names else components()
    diagnoses = list(diagnose(chosen, timeout=timeout))
    if as_json:
        _print_json([_as_dict(diagnosis) for diagnosis in diagnoses])
    else:
        _print_diagnoses(diagnoses)
    if any(diagnosis.component.state != "ok" for diagnosis in diagnoses):
        ctx.exit(1)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--constraints",
    metavar="FILE|URL",
    help="The known-good set to keep to.  [default: known-good.txt of the institution or the user, else that "
    "of the catalogue]",
)
@_catalogue
def install(names: tuple[str, ...], constraints: str | None, catalogue: str | None) -> None:
    """Install NAME, in the versions that are known to work together.

    NAME is a component or a distribution that is known, with a range of versions or without. pip does it;
    what a known-good set holds is installed in the version and with the hashes that it gives. Without a
    set, the newest versions that fit this line of core are installed.
    """
    from ..plugins import choose
    from ..plugins import install as pip_install

    choice = choose(names, constraints=constraints, catalogue=catalogue)
    if choice.constraints:
        click.echo(f"Keeping to {choice.constraints}.")
    else:
        click.echo(f"No known-good set: installing the newest that fit anemoi-core {choice.line}.")
    for name, said in choice.compatibility.items():
        click.echo(f"{name}: {said}.")
    installed = pip_install(choice.requirements, choice.constraints, line=choice.line)
    for each in installed:
        note = "" if each.proved or choice.constraints is None else "  (not in the set)"
        click.echo(f"  {each.name} {each.version}{note}")
    click.echo(f"{len(installed)} installed." if installed else "All of it is installed already.")


@command.command()
def requirements() -> None:
    """Print the plugins installed here as a requirements file for pip."""
    from ..plugins import requirements as lines

    click.echo("\n".join(lines(components())))


@command.command()
@click.argument("name")
def block(name: str) -> None:
    """Never use NAME: a distribution, a component of any distribution, or DISTRIBUTION:COMPONENT."""
    from ..plugins import block as write

    click.echo(f"{name} is blocked in {write(name)}")
    _note_surprises(name, "blocked")


@command.command()
@click.argument("name")
def allow(name: str) -> None:
    """Use NAME again after it was blocked; what the site blocks stays blocked."""
    from ..plugins import allow as write

    click.echo(f"{name} is allowed in {write(name)}")
    _note_surprises(name, "allowed")


def _note_surprises(name: str, wanted: str) -> None:
    """Say if the lists now mean something else than the user may think."""
    from ..errors import PluginError
    from ..plugins import named

    try:
        found = named(name)
    except PluginError as error:
        click.echo(f"Note: {error.what}", err=True)
        return
    for component in found:
        if (component.state == "blocked") != (wanted == "blocked"):
            reason = f": it is {component.reason}" if component.reason else ""
            click.echo(f"Note: {component.full_name} is not {wanted}{reason}.", err=True)


def _as_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    facts = asdict(diagnosis)
    return {**facts.pop("component"), **facts}


def _print_diagnoses(diagnoses: Sequence[Diagnosis]) -> None:
    rows = []
    for diagnosis in diagnoses:
        component = diagnosis.component
        seconds = "" if diagnosis.seconds is None else f"{diagnosis.seconds:.2f}"
        heaviest = f"{diagnosis.heaviest} {diagnosis.heaviest_seconds:.2f}" if diagnosis.heaviest else ""
        rows.append(
            (component.state, component.name, component.kind, component.distribution, seconds, heaviest)
        )
    print_table(("state", "name", "kind", "distribution", "seconds", "heaviest import"), rows)
    wrong = [diagnosis.component for diagnosis in diagnoses if diagnosis.component.state != "ok"]
    for component in wrong:
        click.echo(f"\n{component.kind} {component.full_name} is {component.state}: {component.reason}")
        click.echo(f"  to mend it: {component.fix}")
    click.echo(f"\n{len(rows) - len(wrong)} of {len(rows)} components are ok.")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _print_facts(facts: Iterable[tuple[str, str]]) -> None:
    shown = [(key, value) for key, value in facts if value]
    width = max((len(key) for key, _ in shown), default=0)
    for key, value in shown:
        click.echo(f"{key.ljust(width)}  {value}")


def _known(name: str, catalogue: str | None = None) -> list[dict[str, Any]]:
    """What a catalogue says of the components that a user may mean by a name."""
    from ..plugins import search

    return [asdict(each) for each in search([], catalogue) if each.is_called(name)]


def _loaded(component: InstalledComponent) -> dict[str, Any]:
    """The options of a component that is a class or a function; the reason where it cannot be loaded."""
    from ..config.options import options
    from ..plugins import load_component

    if component.kind in ("command", "config", "hook", "kind"):
        return {"options": []}
    try:
        loaded = load_component(component)
    except PluginError as error:
        return {"reason": str(error)}
    return {"options": [each.to_dict() for each in options(loaded, kind=component.kind).values()]}
