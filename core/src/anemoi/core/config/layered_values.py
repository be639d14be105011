"""The values of a configuration while it is put together, and which layer wrote each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigError
from ..plugins import KINDS, components, normalise
from .components import NAME, TARGET, is_same_component, named_by, normalised
from .composition import COMMAND_LINE, Origin, leaves
from .files import ConfigFile
from .nearest import unknown_key
from .own_defaults import own_defaults, section_of
from .tree import LayeredFiles

if TYPE_CHECKING:
    from ._hydra import Change
    from .own_defaults import ConfiguredSection


class LayeredValues:
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
        """Lay the values of a file of a layer, and of a distribution if it belongs to one."""
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
