"""Resolves what a configuration says of its other values, and of the environment."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, cast

from ..errors import ConfigError
from .composition import CHECKPOINT, ENVIRONMENT, Origin, leaves

_CAUSE = re.compile(r"^\w+ raised while resolving interpolation: ")
"""What OmegaConf says before the message that tells the reader something."""


def resolve(values: dict[str, Any], origins: Mapping[str, tuple[Origin, ...]]) -> dict[str, Any]:
    """Resolve the interpolations in ``values``.

    Raises
    ------
    ConfigError
        If one does not resolve, or a value is still missing (``???``).
    """
    from omegaconf import OmegaConf  # comes with Hydra

    for key, places in origins.items():
        where, value = places[-1].where, places[-1].value
        if value == "???":
            raise ConfigError(f"{key} must be given: {where} leaves it open.", fix=f"Add {key}=VALUE.")
        if "${" in str(value) and (fault := _fault(values, key)):
            fix = f"Set the variable, or give {key} a value." if "Environment variable" in fault else None
            raise ConfigError(f"{where}: {key} is {value!r}, which does not resolve: {fault}.", fix=fix)
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.create(values), resolve=True))


def references(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that depend on the environment, as they are written, by dotted key.

    Those are the ones that name a variable of it, and the ones that refer to such a value.
    """
    written = dict(leaves(values))
    found = {key: value for key, value in written.items() if ENVIRONMENT in str(value)}
    if not found:
        return {}
    blanked = copy.deepcopy(dict(values))
    for key in found:
        parent, name = _place(blanked, key)
        parent[name] = "???"  # what refers to it does not resolve
    return {
        key: value
        for key, value in written.items()
        if key in found or ("${" in str(value) and _fault(blanked, key))
    }


def not_looked_up(option: str, value: Any, fix: str) -> ConfigError:
    """The error of an option of a checkpoint's data that depends on the environment."""
    return ConfigError(
        f"The checkpoint was trained on data with {option} from the environment ({value}), which is not "
        "looked up for a file that may be a stranger's.",
        fix=fix,
    )


def refuse_environment(values: Mapping[str, Any], origins: Mapping[str, tuple[Origin, ...]]) -> None:
    """Refuse to look up in the environment what a file asks for that may be a stranger's.

    Raises
    ------
    ConfigError
        If a value that a checkpoint or a run recorded names a variable of the environment.
    """
    for key, value in leaves(values):
        if ENVIRONMENT in str(value) and origins[key][-1].layer == CHECKPOINT:
            raise ConfigError(
                f"{key} was recorded as {value!r}: it asks for what the environment holds here.",
                fix=f"Give it a value ({key}=VALUE), or add --trust-code if you know who made the file.",
            )


def _place(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    *sections, name = key.split(".")
    for section in sections:
        values = values[section]
    return values, name


def _fault(values: dict[str, Any], key: str) -> str | None:
    """Why the interpolations in the value at ``key`` do not resolve, or None if they do."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        value = OmegaConf.create(values)
        for part in key.split("."):
            value = value[part]
        if OmegaConf.is_config(value):
            OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    except RecursionError:
        return "it refers to itself"
    except OmegaConfBaseException as error:
        return _CAUSE.sub("", str(error).splitlines()[0]).strip('"')
    return None
