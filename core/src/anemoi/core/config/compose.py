"""Puts a configuration together from its layers, and remembers which of them wrote what."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigError
from ..plugins import KINDS, components, normalise
from .components import NAME, TARGET, is_same_component, named_by, normalised
from .composition import COMMAND_LINE, FILE, Composition, Origin, leaves
from .files import ConfigFile, read_file
from .layers import LAYERS, find_layers, stranger
from .nearest import nearest, provider, unknown_key
from .own_defaults import own_defaults, section_of
from .tree import LayeredFiles

if TYPE_CHECKING:
    from ._hydra import Change
    from .own_defaults import ConfiguredSection


class HouseRulesWarning(UserWarning):
    """A plugin brings house rules, and nothing says that it is the institution's."""


def compose(primary: str, overrides: Sequence[str] = ()) -> Composition:
    """Put the configuration ``primary`` together from every layer, and ``overrides`` on top.

    A value in a later layer wins over one in an earlier layer. Within a layer Hydra's order holds: first
    what the defaults list names, then the file itself. Files of one name in several layers add up key by
    key, and so do their defaults lists, group by group. Another component's name in a section drops the
    options that were written for the one before, and takes what its own plugin configures for that section;
    those on the command line are the new one's.

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
    from ._hydra import select  # brings Hydra, which reading a recorded configuration does without

    layers = [layer for layer in find_layers() if layer.problem is None]
    if words := stranger(layers):
        warnings.warn(words, HouseRulesWarning, stacklevel=2)
    tree = LayeredFiles(layers)
    if primary not in tree.files(""):
        fix = provider(primary) or nearest(primary, tree.files(""))
        raise ConfigError(f"There is no configuration {primary!r}.", fix=fix)
    values = _Values(tree)
    selections, changes = select(tree, primary, overrides, values.is_component)
    for layer in LAYERS:
        for selection in selections:
            for source, file in tree.versions(selection.config):
                if source.name == layer:
                    distribution = source.source if source.component else None
                    values.lay_file(file, selection.package, layer, distribution)
    for change in changes:
        values.change(change, tree.groups(""))
    return Composition(
        primary=primary,
        overrides=tuple(overrides),
        values=_resolve(values),
        trusted=True,
        configs=tuple(dict.fromkeys(selection.config for selection in selections)),
        origins=values.origins(),
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
    from ._hydra import changes  # brings Hydra, too

    values = _Values(None)
    values.lay(composition.values, "", lambda key, value: composition.history(key)[-1])
    values.history.update({key: list(origins) for key, origins in composition.origins.items()})
    for change in changes(overrides):
        values.change(change, ())
    return replace(
        composition,
        overrides=(*composition.overrides, *overrides),
        values=_resolve(values),
        origins=values.origins(),
    )


def extend(composition: Composition, path: Path, overrides: Sequence[str] = ()) -> Composition:
    """Lay a file of the user's over what was composed from the layers, and the command line over that.

    Parameters
    ----------
    composition
        What to begin with; it is left as it is.
    path
        The file. It sets values: there is no defaults list, for there are no groups to choose from.
    overrides
        Words of the command line, which set values too.

    Raises
    ------
    ConfigError
        If the file cannot be read or has a defaults list, and as :func:`compose`.
    """
    from ._hydra import changes

    file = read_file(path)
    if file.defaults:
        raise ConfigError(
            f"{path}:{file.lines['defaults']}: this file has no defaults list.",
            fix="Write the values themselves.",
        )
    values = _Values(None)
    values.lay(composition.values, "", lambda key, value: composition.history(key)[-1])
    values.history.update({key: list(origins) for key, origins in composition.origins.items()})
    values.lay_file(replace(file, package=None), "", FILE, None)
    for change in changes(overrides):
        values.change(change, ())
    resolved, origins = _resolve(values), values.origins()
    # Items of its lists have a line of their own, as long as nothing replaced the list.
    for key, line in file.lines.items():
        name = key
        while "." in name and name not in origins:
            name = name.rpartition(".")[0]
        if name != key and name in origins and origins[name][-1].file == path:
            origins[key] = (replace(origins[name][-1], line=line),)
    return replace(composition, overrides=tuple(overrides), values=resolved, origins=origins)


class _Values:
    """The values so far, and for each dotted key the places that wrote it.

    Parameters
    ----------
    tree
        Where a component that takes another's place may be configured; None if no layer is read.
    """

    def __init__(self, tree: LayeredFiles | None) -> None:
        self._tree = tree
        self.values: dict[str, Any] = {}
        self.history: dict[str, list[Origin]] = {}
        self.commanded: set[str] = set()  # the keys that words of the command line set
        built = [each for each in components() if each.kind not in KINDS or KINDS[each.kind].interface]
        self._owners: dict[str, set[str]] = {}  # of each component, by its normalised name
        for each in built:
            self._owners.setdefault(normalise(each.name), set()).add(each.distribution)
        self._shared = {
            (normalise(each.distribution), normalise(each.name)) for each in built if each.state == "conflict"
        }

    def lay_file(self, file: ConfigFile, package: str, layer: str, distribution: str | None) -> None:
        values = self._qualified(file.values, distribution) if distribution else file.values
        for part in reversed(package.split(".") if package else []):
            values = {part: values}
        skip = len(package) + 1 if package else 0

        def origin(key: str, value: Any) -> Origin:
            return Origin(layer, value, file.path, file.lines.get(key[skip:]), distribution)

        self.lay(values, "", origin)

    def _lay_own_defaults(self, key: str, name: str, named_by: Path | None) -> None:
        """Lay what is configured for the component ``name`` at ``key``, unless that itself names it."""
        if self._tree is None:
            return
        wanted, short = normalised(name)
        owners = [each for each in self._owners[short] if wanted in ("", normalise(each))]
        parts = own_defaults(self._tree, key, name.rpartition(":")[2], owners)
        if any(part.file.path == named_by for part in parts):
            return
        for part in parts:
            distribution = part.layer.source if part.layer.component else None
            written = {word: value for word, value in section_of(part).items() if word != NAME}
            values = self._qualified(written, distribution) if distribution else written

            def origin(
                at: str, value: Any, part: ConfiguredSection = part, distribution: str | None = distribution
            ) -> Origin:
                line = part.file.lines.get(f"{part.key}.{at[len(key) + 1 :]}".lstrip("."))
                return Origin(part.layer.name, value, part.file.path, line, distribution)

            self.lay(values, key, origin)

    def lay(self, values: Mapping[str, Any], under: str, origin: Callable[[str, Any], Origin]) -> None:
        """Lay ``values`` over those of the section ``under``, key by key; a list counts as one value."""
        section = self.section(under)
        if under and self._names_another(section, values):
            named = origin(f"{under}.{named_by(values)}", values[named_by(values)])
            self._replace(under, section, values, named.file)
        for name, value in values.items():
            key = f"{under}.{name}" if under else name
            if isinstance(value, Mapping) and value:
                self.lay(value, key, origin)
                continue
            if isinstance(value, Mapping) and isinstance(section.get(name), dict):
                continue
            section[name] = dict(value) if isinstance(value, Mapping) else value
            self.history.setdefault(key, []).append(origin(key, value))

    def _names_another(self, section: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Whether ``values`` name another component than the one that ``section`` has.

        Composing knows no settings, and ``name`` may be an ordinary option of a section: it is that of a
        component where it is one that a distribution offers.
        """
        if not (TARGET in section or NAME in section) or not (TARGET in values or NAME in values):
            return False
        if TARGET not in values and not self.is_component(values[NAME]):
            return False
        return not is_same_component(section, values)

    def is_component(self, name: Any) -> bool:
        """Whether a distribution offers a component of this name."""
        return isinstance(name, str) and normalised(name)[1] in self._owners

    def _replace(
        self, key: str, section: dict[str, Any], values: Mapping[str, Any], file: Path | None
    ) -> None:
        """Put the defaults of the component that ``values`` of ``file`` name in place of the one at ``key``.

        What the command line set stays. The places that named components before are the history of the key
        that names the next one.
        """
        word = named_by(values)
        named = [*self.history.get(f"{key}.{named_by(section)}", [])]
        kept = {}
        for each, value in [*leaves(section)]:
            history = self.history.pop(f"{key}.{each}", [])
            if f"{key}.{each}" in self.commanded and each not in (NAME, TARGET):
                kept[f"{key}.{each}"] = value, history
        section.clear()
        section[word] = values[word]
        if word == NAME:
            self._lay_own_defaults(key, values[NAME], file)
        for each, (value, history) in kept.items():
            parent, _, name = each.rpartition(".")
            self.section(parent)[name] = value
            self.history.setdefault(each, []).extend(history)
        self.history[f"{key}.{word}"] = named

    def _qualified(self, values: Mapping[str, Any], distribution: str) -> Mapping[str, Any]:
        """The values of a plugin's file, in which a name that several distributions offer means its own."""
        own = {name for owner, name in self._shared if owner == normalise(distribution)}
        if not own:
            return values

        def qualify(value: Any, key: str = "") -> Any:
            if isinstance(value, Mapping):
                return {name: qualify(each, name) for name, each in value.items()}
            if isinstance(value, list):
                return [qualify(each) for each in value]
            named = key == NAME and isinstance(value, str) and normalise(value) in own
            return f"{distribution}:{value}" if named else value

        return cast("Mapping[str, Any]", qualify(values))

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
        if "/" in change.key and isinstance(change.value, str) and self._is_part(key):
            key = f"{key}.{NAME}"  # model/processor=gnn names the component of a part
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

        def origin(key: str, value: Any) -> Origin:
            self.commanded.add(key)
            return Origin(COMMAND_LINE, value)

        self.lay({name: change.value}, parent, origin)

    def _is_part(self, key: str) -> bool:
        section = self._find(key)
        return section is not None and (NAME in section or TARGET in section)

    def _find(self, key: str) -> dict[str, Any] | None:
        section: Any = self.values
        for part in key.split(".") if key else []:
            section = section.get(part) if isinstance(section, dict) else None
        return section if isinstance(section, dict) else None

    def origins(self) -> dict[str, tuple[Origin, ...]]:
        """The history of every value; a section that was emptied has none."""
        return {key: tuple(self.history[key]) for key, _ in leaves(self.values) if key in self.history}


def resolved(values: Mapping[str, Any]) -> dict[str, Any]:
    """Look up what values of a checkpoint take from the environment (``${oc.env:NAME}``).

    Raises
    ------
    ConfigError
        If something is not there.
    """
    plain = dict(values)
    if "${oc.env:" not in str(plain):
        return plain
    from omegaconf import OmegaConf  # comes with Hydra

    for key, value in leaves(plain):
        if fault := _fault(plain, key):
            raise ConfigError(f"{key} is {value!r}, which does not resolve: {fault}.")
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.create(plain), resolve=True))


def _resolve(composed: _Values) -> dict[str, Any]:
    """The values with their interpolations resolved."""
    from omegaconf import OmegaConf  # comes with Hydra

    for key, origins in composed.origins().items():
        where, value = origins[-1].where, origins[-1].value
        if value == "???":
            raise ConfigError(f"{key} must be given: {where} leaves it open.", fix=f"Add {key}=VALUE.")
        if "${" in str(value) and (fault := _fault(composed.values, key)):
            raise ConfigError(f"{where}: {key} is {value!r}, which does not resolve: {fault}.")
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.create(composed.values), resolve=True))


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
