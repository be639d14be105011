"""The layers that a configuration is composed from, in order: later ones win."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from ..directories import SITE_VARIABLE, site_directory, user_directory
from ..errors import ConfigError
from ..plugins import components, read_blocklist
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
        If the directory that ``ANEMOI_SITE_CONFIG`` names does not exist: house rules are not to be skipped.
        If two distributions bring the configuration ``site``: one of them may be a stranger's.
    """
    plugins = _plugin_layers()
    _check_one_site(plugins)
    layers = [Layer("core", CORE_DEFAULTS, "anemoi-core")]
    layers += [layer for layer in plugins if layer.name == "plugins"]
    layers += [layer for layer in plugins if layer.name == "site"]
    if site := site_directory():
        layers.append(Layer("site", site.absolute(), SITE_VARIABLE))
    layers.append(_optional("user", user_directory(), "~/.config/anemoi"))
    layers.append(_optional("directory", Path("conf").absolute(), "./conf"))
    return layers


def stranger(layers: Sequence[Layer]) -> str:
    """Words of warning if a plugin brings house rules, and nobody has said that it may; else nothing.

    Where the institution keeps a directory, which ``ANEMOI_SITE_CONFIG`` names, its ``blocked-plugins.txt``
    says whether the plugin is its own; elsewhere the user's does.
    """
    plugin = next(
        (each for each in layers if each.name == "site" and each.component and not each.problem), None
    )
    if plugin is None:
        return ""
    rule = read_blocklist().decides(plugin.source, SITE_PLUGIN)
    if site_directory() is None:
        if rule is not None:  # It allows: what is blocked has a problem.
            return ""
        return (
            f"{plugin.source} brings house rules (the configuration {SITE_PLUGIN!r}), which overrule other "
            f"plugins. If it is your institution's: anemoi plugins allow {plugin.component}; "
            f"if not: anemoi plugins block {plugin.component}"
        )
    if rule is not None and rule.owner == "site":
        return ""
    return (
        f"{plugin.source} brings house rules (the configuration {SITE_PLUGIN!r}) besides those of "
        f"{SITE_VARIABLE}, which win. If it is your institution's, write !{plugin.component} to "
        f"blocked-plugins.txt in that directory; if not: anemoi plugins block {plugin.component}"
    )


def _check_one_site(plugins: list[Layer]) -> None:
    """Refuse house rules of two distributions: an institution has one, and the other is a stranger's."""
    sites = [layer for layer in plugins if layer.name == "site" and layer.problem is None]
    if len(sites) > 1:
        names = " and ".join(layer.source for layer in sites)
        commands = " or ".join(f"anemoi plugins block {layer.component}" for layer in sites)
        raise ConfigError(
            f"{names} both bring house rules (the configuration {SITE_PLUGIN!r}): one may be a stranger's.",
            fix=f"Leave out the one that is not your institution's: {commands}\n"
            f"For all users: list it in blocked-plugins.txt in the directory that {SITE_VARIABLE} names.",
        )


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
