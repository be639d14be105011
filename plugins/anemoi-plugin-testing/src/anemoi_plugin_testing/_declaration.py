"""With what a distribution says that its components are checked: ``conformance.yaml`` in its package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from anemoi.core.config.components import TARGET
from anemoi.core.config.files import ConfigFile, read_file
from anemoi.core.config.options import options
from anemoi.core.errors import ConfigError, PluginError
from anemoi.core.plugins import InstalledComponent, components, find_kind, suggestion

from ._check import Subject
from ._options import converted

FILE: Final = "conformance.yaml"

HERE: Final = "${here}"
"""Stands for the directory of the file, where examples lie."""


@dataclass(frozen=True)
class Declaration:
    """What the distribution of a component says of its check.

    Parameters
    ----------
    options
        What its constructor is given.
    reason
        Why it cannot be checked with options alone.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def declaration(component: InstalledComponent, found: Any) -> Declaration:
    """What is said of a component; nothing where its distribution has no such file, or says nothing of it.

    Parameters
    ----------
    component, found
        It, and what was loaded.

    Raises
    ------
    PluginError
        If the file names a kind, a component or an option that does not exist, a value of the wrong type, or
        code.
    ConfigError
        If it cannot be read.
    """
    path = _file(component.value.partition(":")[0].partition("[")[0].strip())
    if path is None:
        return Declaration()
    file = read_file(path)
    _require_offered(file, component.distribution)
    said = file.values.get(component.kind, {}).get(component.name, {})
    if isinstance(said, str):
        return Declaration(reason=said)
    key = f"{component.kind}.{component.name}"
    known = options(found, kind=component.kind) if find_kind(component.kind).interface else {}
    for name in said:
        if name not in known:
            near = suggestion(name, set(known))
            raise _fault(file, f"{key}.{name}", f"it has no such option. {near}")
    given = _placed(said, file, key)
    try:
        converted(Subject(component.kind, component.name, found, given))
    except ConfigError as error:
        raise _fault(file, key, str(error)) from error
    return Declaration(given)


def _file(module: str) -> Path | None:
    """The file in the package of a module, or in one that this is within."""
    while module:
        for directory in getattr(import_module(module), "__path__", ()):
            if (path := Path(directory, FILE)).is_file():
                return path
        module = module.rpartition(".")[0]
    return None


def _require_offered(file: ConfigFile, distribution: str) -> None:
    """Require all of a file to be about components of its distribution, each with options or a reason."""
    offered: dict[str, set[str]] = {}
    for each in components():
        if each.distribution == distribution:
            offered.setdefault(each.kind, set()).add(each.name)
    for kind, own in file.values.items():
        if kind not in offered:
            near = suggestion(kind, set(offered))
            raise _fault(file, kind, f"{distribution} offers no component of this kind. {near}")
        if not isinstance(own, Mapping):
            raise _fault(file, kind, "this must be a section of components.")
        for name, said in own.items():
            if name not in offered[kind]:
                near = suggestion(name, offered[kind])
                raise _fault(file, f"{kind}.{name}", f"{distribution} offers no such {kind}. {near}")
            if not isinstance(said, Mapping) and not (isinstance(said, str) and said.strip()):
                raise _fault(
                    file, f"{kind}.{name}", "this must be options, or a sentence: why there are none."
                )


def _placed(value: Any, file: ConfigFile, key: str) -> Any:
    """A value with the directory of its file where that is meant."""
    if isinstance(value, Mapping):
        if TARGET in value:
            raise _fault(file, f"{key}.{TARGET}", "this names code; name a component.")
        return {name: _placed(each, file, f"{key}.{name}") for name, each in value.items()}
    if isinstance(value, list):
        return [_placed(each, file, f"{key}.{number}") for number, each in enumerate(value)]
    return value.replace(HERE, str(file.path.parent)) if isinstance(value, str) else value


def _fault(file: ConfigFile, key: str, what: str) -> PluginError:
    place = key
    while place not in file.lines:  # what is merged in from elsewhere has no line of its own
        place = place.rpartition(".")[0]
    return PluginError(f"{file.path}:{file.lines[place]}: {key}: {what.strip()}")
