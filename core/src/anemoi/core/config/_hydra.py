"""The only code that touches Hydra: its override grammar, and its defaults lists.

Hydra decides *which* files make a configuration (groups, choices, packages, what overrides what in a
defaults list), over one virtual search path in which every layer's file of one name is one file.
Putting the values together is left to :mod:`.compose`, which knows the layers. What is used here
below Hydra's public surface is one function and one class of its 1.3 series, to which the dependency
is held; in return there is no global state, no search path plugin and no composed ``hydra`` section.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.version import VersionBase
from omegaconf import OmegaConf
from packaging.version import Version

from ..errors import ConfigError
from .nearest import nearest, provider

_UNLISTED = re.compile(r"Could not override '([^'@]+)'")
_UNRESOLVED = re.compile(r"Error resolving interpolation '(.*?)'(?:, possible interpolation keys: (.*))?")
_PLAIN = re.compile(r"(\+{0,2}[\w/.-]+)=([^\s\[{'\"].*)")
_GRAMMAR = "Write key=value or group=option, +key=value to add, ~key to remove; quote what is special."


@dataclass(frozen=True)
class Change:
    """A value that the command line sets, adds or deletes."""

    text: str
    key: str
    value: Any
    action: Literal["set", "add", "delete"]


@dataclass(frozen=True)
class Selection:
    """A file that takes part, and the dotted key that its values go under (empty for the top)."""

    config: str
    package: str


class Tree(Protocol):
    """Files by name (``train``, ``model/gnn``), all layers taken as one."""

    def defaults(self, config: str) -> list[Any]:
        """The defaults list of a file."""

    def package(self, config: str) -> str | None:
        """The package header of a file."""

    def named(self, config: str) -> str | None:
        """Where a defaults list of the files read so far names a file, or None."""

    def saying(self, text: str) -> str | None:
        """Where a defaults list of the files read so far says ``text``, or None."""

    def has(self, config: str) -> bool:
        """Whether there is such a file; ``model/distribution:gnn`` is that of one distribution."""

    def files(self, group: str) -> list[str]:
        """The names of the files of a group."""

    def groups(self, group: str) -> list[str]:
        """The names of the groups in a group."""


def select(
    tree: Tree, primary: str, overrides: Sequence[str], is_component: Callable[[str], bool]
) -> tuple[list[Selection], list[Change]]:
    """Find the files that make ``primary``, in the order of laying them, and the values to change after.

    Parameters
    ----------
    tree
        The files there are.
    primary
        The file to begin with.
    overrides
        The words of the command line, in Hydra's grammar.
    is_component
        Tells whether a name is that of a component: one may be chosen for a part (``model/processor=gnn``)
        although the group of the part, if there is one, has no such file.

    Raises
    ------
    ConfigError
        If a word is malformed, a group has no such option, or the defaults lists do not fit together.
    """
    words = _parse(overrides)
    named = [each for each in words if _names_component(tree, each, is_component)]
    parsed = [each for each in words if each not in named]
    for override in parsed:
        _check_choice(tree, override)
    base = VersionBase.instance()
    before, base.version_base = base.version_base, Version("1.3")
    try:
        result = _defaults_list(tree, primary, parsed)
    except MissingConfigException as error:
        raise _missing(tree, str(error.missing_cfg_file)) from None
    except RecursionError:
        raise ConfigError(f"The defaults lists under {primary!r} name each other in a circle.") from None
    except (HydraException, ValueError) as error:
        raise _unfit(tree, overrides, " ".join(str(error).split())) from None
    finally:
        base.version_base = before
    files = [each for each in result.defaults if each.config_path is not None]
    selections = [Selection(str(each.config_path), each.package or "") for each in files]
    return selections, [_change(override) for override in (*result.config_overrides, *named)]


def _defaults_list(tree: Tree, primary: str, parsed: list[Override]) -> DefaultsList:
    """Let Hydra put the defaults list together.

    A part of a component (``model/processor=gnn``) is chosen from its group although no defaults list has
    that group: the component names a part already.
    """
    try:
        return create_defaults_list(
            repo=_Repository(tree),
            config_name=primary,
            overrides_list=parsed,
            prepend_hydra=False,
            skip_missing=False,
        )
    except ConfigCompositionException as error:
        match = _UNLISTED.search(str(error))
        part = next((each for each in parsed if match and each.key_or_group == match[1]), None)
        if part is None or "/" not in part.key_or_group or part.type is not OverrideType.CHANGE:
            raise
        part.type = OverrideType.ADD
        return _defaults_list(tree, primary, parsed)


def _names_component(tree: Tree, override: Override, is_component: Callable[[str], bool]) -> bool:
    group, value = override.key_or_group, override.value()
    if "/" not in group or override.type is not OverrideType.CHANGE or not isinstance(value, str):
        return False
    return bool(tree.files(group)) and not tree.has(f"{group}/{value}") and is_component(value)


def _check_choice(tree: Tree, override: Override) -> None:
    """Refuse a choice from a group that names no file, such as ``data=null``."""
    group, value = override.key_or_group, override.value()
    parent, _, name = group.rpartition("/")
    names = value if isinstance(value, list) else [value]
    if (
        override.is_delete()
        or name not in tree.groups(parent)
        or all(isinstance(each, str) for each in names)
    ):
        return
    raise ConfigError(
        f"{override.input_line!r}: {group!r} is a configuration group, and no file of it is called "
        f"{'null' if value is None else value!r}.",
        fix=f"{nearest(str(value), tree.files(group))} To leave {group} out: ~{group}",
    )


def changes(overrides: Sequence[str]) -> list[Change]:
    """Read words of the command line where there are no groups to choose from."""
    return [_change(override) for override in _parse(overrides)]


def _missing(tree: Tree, config: str) -> ConfigError:
    group, _, option = config.rpartition("/")
    parent, _, name = group.rpartition("/")
    if group and name not in tree.groups(parent):
        what, near = f"configuration group {group!r}", nearest(name, tree.groups(parent))
        # A misspelt group has a neighbour; one that has none is that of a plugin that is not here.
        fix = near if near.startswith("Did you mean") else provider(option) or near
    else:
        what = f"{option!r} in the configuration group {group!r}" if group else f"configuration {option!r}"
        fix = provider(option) or nearest(option, tree.files(group))
    place = tree.named(config)
    return ConfigError(f"{place}: there is no {what}." if place else f"There is no {what}.", fix=fix)


def _unfit(tree: Tree, overrides: Sequence[str], reason: str) -> ConfigError:
    """Say why defaults lists do not fit together; for an interpolation, where it is written too."""
    match = _UNRESOLVED.fullmatch(reason)
    if match is None:
        return ConfigError(reason)
    text, groups = match[1], match[2]
    place = next((repr(word) for word in overrides if text in word), None) or tree.saying(text)
    what = f"the choice {text!r} does not resolve."
    return ConfigError(
        f"{place}: {what}" if place else what.capitalize(),
        fix=f"A choice may refer to another group's: {groups}." if groups else "Name a file of the group.",
    )


def _parse(words: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for word in words:
        try:
            override = _parse_word(parser, word)
        except (OverrideParseException, HydraException) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(
                f"Malformed override {word!r}: {reason}.",
                fix=_GRAMMAR,
            ) from None
        if not override.key_or_group:
            raise ConfigError(f"Malformed override {word!r}: no key.", fix=_GRAMMAR)
        if override.is_sweep_override():
            raise ConfigError(
                f"{word!r} gives several values, but one run takes one.",
                fix="For a list write key=[a,b]; several trainings take anemoi train --multirun.",
            )
        parsed.append(override)
    return parsed


def _parse_word(parser: OverridesParser, word: str) -> Override:
    """Parse one word; the value of a plain ``KEY=VALUE`` outside Hydra's grammar is taken as it stands.

    So a path may have ``=``, ``#``, parentheses, quotation marks and letters of any script. A value that
    begins as a list, a mapping or a quoted text was meant as one, and stays an error.
    """
    try:
        [override] = parser.parse_overrides([word])
    except (OverrideParseException, HydraException):
        match = _PLAIN.fullmatch(word)
        if match is None:
            raise
        quoted = re.sub(r'(\\*)"', r'\1\1\\"', match[2])
        quoted = re.sub(r"(\\+)$", r"\1\1", quoted)  # in Hydra's grammar only those before quotes are doubled
        [override] = parser.parse_overrides([f'{match[1]}="{quoted}"'])
        override.input_line = word
    return override


def _change(override: Override) -> Change:
    text = str(override.input_line)
    if override.package is not None:
        raise ConfigError(f"There is no configuration group {override.key_or_group!r}, which {text!r} names.")
    action: Literal["set", "add", "delete"] = (
        "delete" if override.is_delete() else "add" if override.is_add() or override.is_force_add() else "set"
    )
    value = override.value()
    if not _has_word_keys(value):
        raise ConfigError(f"{text!r}: a key must be a word without dots.", fix=_GRAMMAR)
    return Change(text, override.key_or_group, value, action)


def _has_word_keys(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_has_word_keys, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and "." not in key for key in value) and _has_word_keys(
            [*value.values()]
        )
    return True


class _Source(ConfigSource):
    """The files of all the layers, shown to Hydra as one source."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(provider="anemoi", path="anemoi://layers")
        self.tree = tree

    @staticmethod
    def scheme() -> str:
        return "anemoi"

    def load_config(self, config_path: str) -> ConfigResult:
        if not self.is_config(config_path):
            raise ConfigLoadError(config_path)
        config = OmegaConf.create({"defaults": self.tree.defaults(config_path)})
        header = {"package": self.tree.package(config_path)}
        return ConfigResult(provider=self.provider, path=self.path, config=config, header=header)

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        parent, _, name = config_path.rstrip("/").rpartition("/")
        return not name or name in self.tree.groups(parent)

    def is_config(self, config_path: str) -> bool:
        return self.tree.has(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        files = self.tree.files(config_path) if results_filter != ObjectType.GROUP else []
        groups = self.tree.groups(config_path) if results_filter != ObjectType.CONFIG else []
        return sorted({*files, *groups})


class _Repository(ConfigRepository):
    def __init__(self, tree: Tree) -> None:
        self.sources = [_Source(tree)]
