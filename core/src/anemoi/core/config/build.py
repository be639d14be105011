"""From a component's name and options in a configuration to the component."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..errors import AnemoiError, ConfigError, PluginError

NAME, TARGET = "name", "_target_"


def build(kind: str, spec: Mapping[str, Any], *, trust_code: bool = False, **structure: Any) -> Any:
    """Build the component that ``spec`` names, after checking its options.

    Parameters
    ----------
    kind
        What it must be: ``processor``, ``mapper``, ``loss``, ...
    spec
        ``name`` and options, as in a configuration; or ``_target_``, the path of a class, and options.
    trust_code
        Whether a ``_target_`` may be imported. It is what a user writes in a configuration of their own
        (:attr:`Composition.trusted`); out of a checkpoint it would run anything.
    **structure
        What the framework gives: the arguments of the constructor of the interface of ``kind``.

    Raises
    ------
    ConfigError
        If an option is unknown, mistyped, missing or out of range, or the constructor refuses the options.
    PluginError
        If there is no such component, or it fails to load or to build.
    """
    from .validate import check_options

    constructor = resolve(kind, spec, trust_code=trust_code)
    given = check_options(kind, spec, constructor)
    what = f"{kind} {spec.get(NAME) or spec.get(TARGET)!s}"
    try:
        return constructor(**structure, **given)
    except AnemoiError:
        raise
    except ValueError as error:
        raise ConfigError(f"The {what} does not take these options: {error}") from error
    except Exception as error:
        raise PluginError(
            f"The {what}, of {source(constructor)}, failed to build: {type(error).__name__}: {error}"
        ) from error


def resolve(kind: str, spec: Mapping[str, Any], *, trust_code: bool) -> Any:
    """The constructor that ``spec`` names."""
    if TARGET in spec:
        return _import(str(spec[TARGET]), kind, trust_code=trust_code)
    if not isinstance(spec.get(NAME), str):
        raise ConfigError(f"The {kind} has no name.", fix=f"Add one of: anemoi plugins list --kind {kind}")
    from ..plugins import load

    return load(kind, spec[NAME])


def source(constructor: Any) -> str:
    """Where a constructor comes from, in words."""
    return f"{constructor.__module__}.{constructor.__qualname__}"


def _import(target: str, kind: str, *, trust_code: bool) -> Any:
    if not trust_code:
        raise ConfigError(
            f"The {kind} is code named by its path ({TARGET}: {target}), which runs only if you trust it.",
            fix="If you know where it comes from, add --trust-code.",
        )
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ConfigError(
            f"{TARGET}: {target} cannot be imported: {type(error).__name__}: {error}",
            fix="Write the path of a class, as my.module.Class, of a module that Python finds (PYTHONPATH).",
        ) from error
