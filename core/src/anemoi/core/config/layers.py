"""The layers that a configuration is composed from, in order: later ones win."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from ..directories import SITE_VARIABLE, site_directory, user_directory
from ..errors import ConfigError
from .composition import COMMAND_LINE

LAYERS = ("core", "plugins", "site", "user", "directory", COMMAND_LINE)

CORE_DEFAULTS = Path(__file__).parent / "defaults"

SITE_PLUGIN = "site"
"""The name under which an institution's plugin registers its house rules in ``anemoi.core.configs``."""


@dataclass(frozen=True)
class Layer:
    """A directory of YAML files in one of the layers; a layer may have several, or none.

    Parameters
    ----------
    name
        One of :data:`LAYERS`.
    directory
        Where its files are, or None if that could not be found out.
    source
        What says that this directory counts: a distribution, an environment variable, a convention.
    component
        What the plugin that brings it calls it (``distribution:name``), if one does.
    problem
        Why nothing is read from it, or None.
    """

    name: str
    directory: Path | None
    source: str
    component: str | None = None
    problem: str | None = None


def find_layers() -> list[Layer]:
    """Every directory that counts here and now, the first to be overruled first.

    A plugin whose configuration cannot be used, or a directory that is not there, is listed with its
    ``problem`` and otherwise left out: it harms nobody who does not name what it would have brought.

    Raises
    ------
    ConfigError
        If the directory that ``ANEMOI_SITE_CONFIG`` names is not there: house rules are not to be skipped.
    """
    plugins = _plugin_layers()
    layers = [Layer("core", CORE_DEFAULTS, "anemoi-core")]
    layers += [layer for layer in plugins if layer.name == "plugins"]
    layers += [layer for layer in plugins if layer.name == "site"]
    if site := site_directory():
        layers.append(Layer("site", site.absolute(), SITE_VARIABLE))
    layers.append(_optional("user", user_directory(), "~/.config/anemoi"))
    layers.append(_optional("directory", Path("conf").absolute(), "./conf"))
    return layers


def _optional(name: str, directory: Path, source: str) -> Layer:
    try:
        absent = "it is not a directory" if directory.exists() else "there is no such directory"
        problem = None if directory.is_dir() else absent
    except OSError as error:
        raise ConfigError(
            f"Cannot look for the configuration directory {directory}: {error.strerror}.",
            fix="Check the permissions of the directories above it.",
        ) from None
    return Layer(name, directory, source, problem=problem)


def _plugin_layers() -> list[Layer]:
    from ..plugins import components

    layers: list[Layer] = []
    for component in sorted(components("config"), key=lambda each: (each.distribution, each.name)):
        name = "site" if component.name == SITE_PLUGIN else "plugins"
        package = component.value.partition(":")[0].partition("[")[0].strip()
        directory: Path | None = None
        problem: str | None = component.reason or component.state
        if component.state == "ok":
            directory = _locate(package)
            problem = None if directory else f"the package {package} is not there"
        layers.append(Layer(name, directory, component.distribution, component.full_name, problem))
    return layers


def _locate(package: str) -> Path | None:
    """Where ``package`` is, without importing it or what it is part of.

    ``importlib.util.find_spec`` imports the parents of a dotted name, and a plugin's top package may
    import torch; so only the first part is looked up that way, and the path finder does the rest.
    """
    first, *rest = package.split(".")
    try:
        spec = importlib.util.find_spec(first)
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(f"{spec.name}.{part}", list(spec.submodule_search_locations))
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
