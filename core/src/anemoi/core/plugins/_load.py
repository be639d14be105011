"""Look a component up by name, import it, and hold it to what its kind promises."""

from __future__ import annotations

import contextlib
import inspect
import sys
from dataclasses import replace
from functools import reduce
from importlib import import_module
from typing import Any, Literal

from ..errors import AbsentError, PluginError
from ._catalogue import how_to_install, known, provider
from ._components import (
    InstalledComponent,
    Verdict,
    components,
    declared,
    failures,
    kinds,
    name_fault,
    reinstall,
)
from ._find import EntryPoint
from ._kinds import CORE, KINDS, Kind, group, normalise

_loaded: dict[tuple[str, str, str, str], Any] = {}


def load(kind: str, name: str) -> Any:
    """Import a component, once, and check that it is what its kind promises.

    Parameters
    ----------
    kind
        What it is: one of :func:`anemoi.core.plugins.kinds`.
    name
        What it is called, or ``distribution:name`` to pick one of two that share a name.

    Returns
    -------
    Any
        A class derived from the interface of its kind; a click command; the package of a
        configuration; the module, object or class that holds hooks; or the :class:`Kind` that a
        distribution declares.

    Raises
    ------
    PluginError
        If nothing or more than one thing is called so, or it is not compatible, blocked, or
        broken; it names the distribution, the cause and what to do.
    """
    return load_component(find(kind, name))


def find_kind(name: str) -> Kind:
    """The record of a kind, which is imported unless it is core's own.

    Raises
    ------
    PluginError
        If nothing here declares such a kind, two distributions do, or its record cannot be used; it
        names the distributions, the cause and what to do.
    """
    if name in KINDS:
        return KINDS[name]
    declaration = declared().get(group(name))
    if declaration is None or declaration.kind != name:
        raise unknown_kind(name)
    if declaration.reason:
        raise PluginError(
            f"The{declaration.reason.removeprefix('its')}.", fix=f"To mend it: {declaration.fix}"
        )
    record: Kind = load("kind", f"{declaration.owner}:{name}")
    return record


def part_of(kind: Kind, part: Literal["interface", "checks"]) -> Any:
    """Import what a kind names as its interface or its checks; None if it names nothing.

    Raises
    ------
    PluginError
        If it cannot be imported; it names the owner of the kind.
    """
    place = getattr(kind, part)
    if not place:
        return None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return _import(place)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The {part} of the kind {kind.name!r}, {place} of {kind.owner}, cannot be imported: "
            f"{type(error).__name__}: {_brief(error)}.",
            fix=f"To mend it: {reinstall(kind.owner)}\nIf that does not help, tell its authors.",
        ) from error


def loaded() -> list[tuple[str, str, str]]:
    """The kind, the distribution and the name of each component that was loaded so far."""
    return sorted({(kind, distribution, name) for kind, distribution, name, _ in _loaded})


def find(kind: str, name: str) -> InstalledComponent:
    """The one component that ``name`` means, usable as far as metadata can tell.

    Raises
    ------
    PluginError
        As :func:`load`, except that a broken component is not yet known to be.
    """
    candidates = matching(kind, name)
    if not candidates:
        raise unknown(kind, name)
    usable = [component for component in candidates if component.state in ("ok", "broken")]
    if len(usable) == 1:
        return usable[0]
    refused = next((c for c in candidates if c.state == "conflict"), candidates[0])
    # Of two declarations of a kind neither can be written: components name their kind by its name alone.
    if refused.state == "conflict" and kind != "kind":
        rivals = [component for component in candidates if component.state == "conflict"]
        if len(rivals) == 1 and ":" in name:
            return rivals[0]
        if len({component.distribution for component in rivals}) > 1:
            full_names = " or ".join(sorted({component.full_name for component in rivals}))
            raise PluginError(
                f"More than one distribution offers the {kind} {name!r}.",
                fix=f"Write which one you mean: {full_names}",
            )
    raise refusal(refused)


def matching(kind: str, name: str) -> list[InstalledComponent]:
    """The components that ``name`` may mean; of several in one distribution, those spelt exactly so."""
    distribution, _, short = name.rpartition(":")
    found = [
        component
        for component in components(kind)
        if normalise(component.name) == normalise(short)
        and (not distribution or normalise(component.distribution) == normalise(distribution))
    ]
    exact = [component for component in found if component.name == short]
    return exact if distribution and exact else found


def refusal(component: InstalledComponent) -> PluginError:
    """The error that says why a component cannot be used."""
    return PluginError(
        f"The {component.kind} {component.name!r} of {component.distribution} {component.version} "
        f"is {component.state}: {component.reason}.",
        fix=f"To mend it: {component.fix}" if component.fix else None,
    )


def unknown(kind: str, name: str) -> PluginError:
    """The error for a name that nothing installed has: who provides it, or what is nearest."""
    if kind not in kinds():
        return unknown_kind(kind)
    distribution, _, short = name.rpartition(":")
    if kind == "command":
        short = short.replace(".", " ")  # as the user writes it
    if provides := distribution or provider(kind, name.rpartition(":")[2]):
        return AbsentError(
            f"The {kind} {short!r} is not installed; {provides} provides it."
            if not distribution
            else f"No distribution {distribution!r} that offers the {kind} {short!r} is installed.",
            requirement=provides,
            fix=f"To install it: {how_to_install(provides)[0]}",
        )
    installed = {component.name for component in components(kind)}
    return PluginError(
        f"There is no {kind} called {name!r} among the plugins installed here.",
        fix=suggestion(name, installed, known(kind) - {normalise(other) for other in installed})
        or f"To see what there is: anemoi plugins list --kind {kind}",
    )


def unknown_kind(name: str) -> PluginError:
    """The error for a kind that nothing here declares: who does, or which there are."""
    if owner := provider("kind", name):
        return AbsentError(
            f"The kind {name!r} is declared by {owner}, which is not installed in a version that does.",
            requirement=owner,
            fix=f"To install it: {how_to_install(owner)[0]}",
        )
    return PluginError(
        f"There is no kind of component called {name!r}.", fix=f"The kinds are {', '.join(kinds())}."
    )


def suggestion(name: str, installed: set[str], installable: frozenset[str] | set[str] = frozenset()) -> str:
    """The names nearest to a mistyped one, as a question; empty if none is near."""
    from difflib import get_close_matches

    spelt = {normalise(other): other for other in (*installable, *installed)}
    nearest = [spelt[match] for match in get_close_matches(normalise(name)[:200], spelt, n=3)]
    return f"Did you mean {' or '.join(nearest)}?" if nearest else ""


def load_component(component: InstalledComponent) -> Any:
    """Import one component and check it; what it prints goes to standard error."""
    if component.key in _loaded:
        return _loaded[component.key]
    if fault := name_fault(component):
        raise _broken(component, fault, f"anemoi plugins block {component.distribution}")
    try:
        kind = find_kind(component.kind)
        interface = part_of(kind, "interface")
    except PluginError as error:
        owner = declared()[group(component.kind)].owner
        raise _broken(component, error.what.rstrip("."), reinstall(owner)) from error
    try:
        # A module that prints when it is imported must not spoil what a command prints.
        with contextlib.redirect_stdout(sys.stderr):
            found = _import(component.value)
            fault = _fault(kind, interface, component.name, found)
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise _broken(
            component, f"it ended the program when it was imported (exit code {error.code})"
        ) from error
    except BaseException as error:
        raise _broken(
            component, f"importing it failed with {type(error).__name__}: {_brief(error)}"
        ) from error
    if fault:
        raise _broken(component, fault)
    if component.kind == "kind":
        found = replace(found, owner=component.distribution)
    _loaded[component.key] = found
    failures.pop(component.key, None)
    return found


def _import(value: str) -> Any:
    parts = EntryPoint("", "", value).parts()
    if parts is None:
        raise ValueError(f"{value!r} is not of the form module:attribute")
    module, attribute, _ = parts
    return reduce(getattr, filter(None, attribute.split(".")), import_module(module))


def _fault(kind: Kind, interface: Any, name: str, found: Any) -> str:
    """Why ``found`` is not what its kind promises; empty if it is."""
    if interface is not None:
        if not (inspect.isclass(found) and issubclass(found, interface)):
            return f"{_name(found)} is not a class derived from {kind.interface.replace(':', '.')}"
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        return f"{_name(found)} does not define {', '.join(missing)}" if missing else ""
    if kind.owner != CORE:
        return ""
    if kind.name == "command":
        import click

        return "" if isinstance(found, click.Command) else f"{_name(found)} is not a click command"
    if kind.name == "config":
        return "" if hasattr(found, "__path__") else f"{_name(found)} is not a package"
    if kind.name == "kind":
        return _kind_fault(found, name)
    from ._broadcast import hook_fault

    return hook_fault(found)


def _kind_fault(found: Any, name: str) -> str:
    """Why ``found`` is not the record of the kind ``name``; empty if it is."""
    if not isinstance(found, Kind):
        return f"{_name(found)} is not an anemoi.core.plugins.Kind"
    if found.name != name:
        return f"it is declared as {name!r}, but the record calls it {found.name!r}"
    return "it is joined, which core's own kinds alone can be" if found.joined else ""


def _broken(component: InstalledComponent, reason: str, mend: str = "") -> PluginError:
    """Remember what is wrong with a component; ``mend`` is the command, if not to install it anew."""
    mend = mend or reinstall(component.distribution)
    failures[component.key] = Verdict("broken", reason, mend)
    return PluginError(
        f"The {component.kind} {component.name!r} of {component.distribution} {component.version} "
        f"is broken: {reason}.",
        fix=f"To mend it: {mend}\nIf that does not help, tell its authors.",
    )


def _name(found: Any) -> str:
    return repr(getattr(found, "__qualname__", None) or getattr(found, "__name__", type(found).__name__))


def _brief(error: BaseException, most: int = 300) -> str:
    """The first line of an error's message, cut to a length that fits a screen."""
    try:
        text = next(iter(str(error).splitlines()), "")
    except Exception:  # Even the message may be broken.
        text = ""
    text = text.rstrip(".")
    return text if len(text) <= most else f"{text[:most]}…"
