"""From a component's section in a configuration to its class; nothing is built."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..plugins import components, find_kind, load, normalise, part_of

NAME, TARGET = "name", "_target_"


def constructor_of(kind: str, spec: Mapping[str, Any], *, trust_code: bool) -> Any:
    """The class that ``spec`` names.

    Parameters
    ----------
    kind
        The kind whose interface the class must derive from: ``processor``, ``mapper``, ``loss``, ...
    spec
        ``name`` and options, or ``_target_`` and options.
    trust_code
        Whether the class of a ``_target_`` may be imported.

    Raises
    ------
    ConfigError
        If nothing is named, or a ``_target_`` is not trusted, cannot be imported or is not of ``kind``.
    PluginError
        If no plugin offers the name, or it cannot be used.
    """
    if TARGET in spec:
        return _import(str(spec[TARGET]), kind, trust_code=trust_code)
    if not isinstance(spec.get(NAME), str):
        raise ConfigError(
            f"A {kind} must have a name.", fix=f"To see which: anemoi plugins list --kind {kind}"
        )
    return load(kind, spec[NAME])


def named_by(spec: Mapping[str, Any]) -> str:
    """The key that names the component: ``_target_`` if the section has one, else ``name``."""
    return TARGET if TARGET in spec else NAME


def options_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a component's section, without the key that names it."""
    return {name: value for name, value in spec.items() if name != named_by(spec)}


def describe(kind: str, spec: Mapping[str, Any]) -> str:
    """The component in words: kind, name, distribution and version."""
    if TARGET in spec:
        return f"{kind} {spec[TARGET]}"
    distribution, _, name = str(spec[NAME]).rpartition(":")
    for each in components(kind):
        if normalise(each.name) == normalise(name) and normalise(distribution) in (
            "",
            normalise(each.distribution),
        ):
            return f"{kind} {name} ({each.distribution} {each.version})"
    return f"{kind} {name}"


def is_same_component(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two sections name one component; ``gnn`` and ``anemoi-plugin-gnn:gnn`` may be the same."""
    key = named_by(one)
    if key != named_by(other):
        return False
    first, second = (str(section.get(key)) for section in (one, other))
    if key == TARGET or first == second:
        return first == second
    (owner, name), (other_owner, other_name) = normalised(first), normalised(second)
    return name == other_name and (owner == other_owner or not (owner and other_owner))


def normalised(name: str) -> tuple[str, str]:
    """The distribution and the name in ``distribution:name``, normalised; the first may be empty."""
    distribution, _, short = name.rpartition(":")
    return normalise(distribution), normalise(short)


def _import(target: str, kind: str, *, trust_code: bool) -> Any:
    if not trust_code:
        raise ConfigError(
            f"The {kind} is code named by its path ({TARGET}: {target}), which runs only if you trust it.",
            fix="If you know where it comes from, add --trust-code.",
        )
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ConfigError(
            f"{TARGET}: {target} cannot be imported: {type(error).__name__}: {error}",
            fix="Write the path of a class, as my.module.Class, of a module that Python finds (PYTHONPATH).",
        ) from error
    record = find_kind(kind)
    interface = part_of(record, "interface")
    if interface is None:
        return found
    if not (inspect.isclass(found) and issubclass(found, interface)):
        raise ConfigError(
            f"{TARGET}: {target} is not a {kind}: it must be a class derived from "
            f"{record.interface.replace(':', '.')}.",
            fix=f"Derive it from {interface.__name__}. To see others: anemoi plugins list --kind {kind}",
        )
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise ConfigError(
            f"{TARGET}: {target} does not define {', '.join(missing)}.",
            fix=f"A {kind} must define them: see {record.interface.replace(':', '.')}.",
        )
    return found
