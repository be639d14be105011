"""Puts a configuration together from its layers, and keeps account of who wrote what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigError
from .composition import COMMAND_LINE, Composition, Origin, leaves
from .files import ConfigFile
from .layers import LAYERS, find_layers
from .nearest import nearest, provider, unknown_key
from .tree import LayeredFiles

if TYPE_CHECKING:
    from ._hydra import Change


def compose(primary: str, overrides: Sequence[str] = ()) -> Composition:
    """Put the configuration ``primary`` together from every layer, and ``overrides`` on top.

    A value in a later layer wins over one in an earlier layer. Within a layer Hydra's order holds: first
    what the defaults list names, then the file itself. Files of one name in several layers add up key by
    key, and so do their defaults lists, group by group.

    Parameters
    ----------
    primary
        The file to begin with, such as ``train``.
    overrides
        Words of the command line in Hydra's grammar: ``model=gnn``, ``training.steps=100``,
        ``+experiment=large``, ``~training.seed``. A key below an existing section needs no ``+``.

    Raises
    ------
    ConfigError
        If a file cannot be read, a choice does not exist, a word is malformed, a value is still missing
        (``???``) or an interpolation does not resolve.
    """
    from ._hydra import select

    tree = LayeredFiles([layer for layer in find_layers() if layer.problem is None])
    if primary not in tree.files(""):
        fix = provider(primary) or nearest(primary, tree.files(""))
        raise ConfigError(f"There is no configuration {primary!r}.", fix=fix)
    selections, changes = select(tree, primary, overrides)
    account = _Account()
    for layer in LAYERS:
        for selection in selections:
            for source, file in tree.versions(selection.config):
                if source.name == layer:
                    distribution = source.source if source.component else None
                    account.lay_file(file, selection.package, layer, distribution)
    for change in changes:
        account.change(change, tree.groups(""))
    return Composition(
        primary=primary,
        overrides=tuple(overrides),
        values=_resolve(account),
        trusted=True,
        configs=tuple(dict.fromkeys(selection.config for selection in selections)),
        origins=account.origins(),
    )


def override(composition: Composition, overrides: Sequence[str]) -> Composition:
    """Change values of what was composed before, such as what a checkpoint recorded; no layer is read.

    Parameters
    ----------
    composition
        What to begin with; it is left as it is.
    overrides
        Words of the command line. They set values: there are no groups to choose from any more.

    Raises
    ------
    ConfigError
        As :func:`compose`.
    """
    from ._hydra import changes

    account = _Account()
    account.lay(composition.values, "", lambda key, value: composition.history(key)[-1])
    account.history.update({key: list(origins) for key, origins in composition.origins.items()})
    for change in changes(overrides):
        account.change(change, ())
    return replace(
        composition,
        overrides=(*composition.overrides, *overrides),
        values=_resolve(account),
        origins=account.origins(),
    )


class _Account:
    """The values so far, and for each dotted key the places that wrote it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.history: dict[str, list[Origin]] = {}

    def lay_file(self, file: ConfigFile, package: str, layer: str, distribution: str | None) -> None:
        values: Mapping[str, Any] = file.values
        for part in reversed(package.split(".") if package else []):
            values = {part: values}
        skip = len(package) + 1 if package else 0

        def origin(key: str, value: Any) -> Origin:
            return Origin(layer, value, file.path, file.lines.get(key[skip:]), distribution)

        self.lay(values, "", origin)

    def lay(self, values: Mapping[str, Any], under: str, origin: Callable[[str, Any], Origin]) -> None:
        """Lay ``values`` over those of the section ``under``, key by key; a list counts as one value."""
        section = self.section(under)
        for name, value in values.items():
            key = f"{under}.{name}" if under else name
            if isinstance(value, Mapping) and value:
                self.lay(value, key, origin)
                continue
            if isinstance(value, Mapping) and isinstance(section.get(name), dict):
                continue
            section[name] = dict(value) if isinstance(value, Mapping) else value
            self.history.setdefault(key, []).append(origin(key, value))

    def section(self, key: str) -> dict[str, Any]:
        """The section at ``key``, made if it is not there."""
        section = self.values
        for part in key.split(".") if key else []:
            if not isinstance(section.get(part), dict):
                section[part] = {}
            section = section[part]
        return section

    def change(self, change: Change, groups: Sequence[str]) -> None:
        """Apply one word of the command line."""
        key = change.key.replace("/", ".")
        parent, _, name = key.rpartition(".")
        section = self._find(parent)
        if section is None or (name not in section and (change.action == "delete" or not parent)):
            if change.action == "add":
                section = self.section(parent)
            else:
                raise ConfigError(
                    f"{change.text!r}: the configuration has no key {key!r}.",
                    fix=unknown_key(self.values, key, groups),
                )
        if change.action == "delete":
            del section[name]
            return
        present = section.get(name)
        if isinstance(present, dict) and not (change.value is None or isinstance(change.value, Mapping)):
            raise ConfigError(
                f"{change.text!r}: {key!r} is a section, and {change.value!r} is not one of its options.",
                fix=f"Set a value in it: {', '.join(f'{key}.{each}=...' for each in present)}.",
            )
        origin = Origin(COMMAND_LINE, change.value)
        self.lay({name: change.value}, parent, lambda _, value: replace(origin, value=value))

    def _find(self, key: str) -> dict[str, Any] | None:
        section: Any = self.values
        for part in key.split(".") if key else []:
            section = section.get(part) if isinstance(section, dict) else None
        return section if isinstance(section, dict) else None

    def origins(self) -> dict[str, tuple[Origin, ...]]:
        """The history of every value; a section that was emptied has none."""
        return {key: tuple(self.history[key]) for key, _ in leaves(self.values) if key in self.history}


def _resolve(account: _Account) -> dict[str, Any]:
    """The values with their interpolations resolved."""
    from omegaconf import OmegaConf

    for key, origins in account.origins().items():
        where, value = origins[-1].where, origins[-1].value
        if value == "???":
            raise ConfigError(f"{key} must be given: {where} leaves it open.", fix=f"Add {key}=VALUE.")
        if "${" in str(value) and (fault := _fault(account.values, key)):
            raise ConfigError(f"{where}: {key} is {value!r}, which does not resolve: {fault}.")
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.create(account.values), resolve=True))


def _fault(values: dict[str, Any], key: str) -> str | None:
    """Why the interpolations in the value at ``key`` do not resolve, or None if they do."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        value = OmegaConf.create(values)
        for part in key.split("."):
            value = value[part]
        if OmegaConf.is_config(value):
            OmegaConf.to_container(value, resolve=True)
    except RecursionError:
        return "it refers to itself"
    except OmegaConfBaseException as error:
        return str(error).splitlines()[0]
    return None
