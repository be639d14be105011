"""Reads one YAML file of a configuration, and remembers the line of every key."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError

ENDINGS = (".yaml", ".yml")
"""How the name of a configuration file ends; both mean the same."""

_PACKAGE = re.compile(r"^#\s*@package\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class ConfigFile:
    """The contents of one file.

    Parameters
    ----------
    path
        The file.
    values
        Its keys and values, interpolations as written.
    defaults
        Its defaults list: what it is composed from, in Hydra's notation.
    package
        Where its values go if it says so in a header (``# @package _global_``).
    lines
        The line of each dotted key, and of each item of a list (``defaults.0``), counted from one.
    """

    path: Path
    values: Mapping[Any, Any]
    defaults: list[Any]
    package: str | None
    lines: Mapping[str, int]


def find_file(directory: Path, config: str) -> Path | None:
    """The file of a configuration (``train``, ``model/gnn``) in a directory, or None.

    Raises
    ------
    ConfigError
        If the directory cannot be read, or has two files that differ in their ending alone.
    """
    path = directory / config
    there = entries(path.parent)
    found = [path.parent / name for ending in ENDINGS if (name := f"{path.name}{ending}") in there]
    if len(found) > 1:
        raise ConfigError(
            f"{found[0]} and {found[1].name} are one configuration written twice.", fix="Remove one of them."
        )
    return found[0] if found else None


def entries(directory: Path) -> dict[str, Path]:
    """The files and directories in a directory, by name; none if it does not exist.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        return {path.name: path for path in directory.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise unreadable(directory, error) from None


def unreadable(directory: Path, error: OSError) -> ConfigError:
    """The error for a directory of configuration that cannot be read."""
    what = f"Cannot read the configuration directory {directory}: {error.strerror or error}."
    return ConfigError(what, fix="Check its permissions." if isinstance(error, PermissionError) else None)


def read_file(path: Path) -> ConfigFile:
    """Read ``path``.

    Raises
    ------
    ConfigError
        If it cannot be read, is not UTF-8, is larger than it looks, or is not YAML that holds keys and
        values: with the line.
    """
    # OmegaConf's reader, not PyYAML's, makes the values: it is the one whose YAML Hydra's users
    # know (1e-3 is a number, a date is a string, a key given twice is an error).
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from .bounded import check_length, compose

    try:
        check_length(path.stat().st_size, str(path))
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _unreadable_file(path, error) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8 (byte {error.object[error.start]:#04x}).",
            fix="Save the file as UTF-8.",
        ) from None
    try:
        root = compose(text, str(path))
        lines = dict(_lines(root, path)) if root is not None else {}
        values = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = path if mark is None else f"{path}:{mark.line + 1}"
        raise ConfigError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from None
    assert isinstance(values, dict)
    try:
        json.dumps(values)
    except TypeError as error:
        raise ConfigError(f"{path}: {error}: a configuration holds what JSON can hold.") from None
    defaults = values.pop("defaults", [])
    if not isinstance(defaults, list):
        raise ConfigError(f"{path}:{lines['defaults']}: 'defaults' must be a list, as '- model: gnn'.")
    for number, item in enumerate(defaults):
        _check_default(item, f"{path}:{lines[f'defaults.{number}']}")
    header = _PACKAGE.search(text.split("\n\n")[0])
    return ConfigFile(path, values, defaults, header[1] if header else None, lines)


def read_value(text: str, *, of: str) -> Any:
    """Read a value on the command line as the files are read.

    Parameters
    ----------
    text
        The value, in YAML.
    of
        What it is the value of, for the error.

    Raises
    ------
    ConfigError
        If it is not YAML, or larger than it looks.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from .bounded import compose

    try:
        compose(text, of)
        read = OmegaConf.to_container(OmegaConf.create(f"value: {text}"), resolve=False)
    except (yaml.YAMLError, OmegaConfBaseException):
        raise ConfigError(
            f"{of}={text} is not KEY=VALUE with a YAML value.", fix="Quote the value."
        ) from None
    assert isinstance(read, dict)
    return read["value"]


def _unreadable_file(path: Path, error: OSError) -> ConfigError:
    if isinstance(error, IsADirectoryError):
        return ConfigError(f"{path} is a directory, not a YAML file.", fix="Remove it, or rename it.")
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return ConfigError(
            f"{path} is a link to {path.readlink()}, which does not exist.",
            fix="Mend the link, or remove it.",
        )
    fix = "Check its permissions." if isinstance(error, PermissionError) else None
    return ConfigError(f"Cannot read {path}: {error.strerror or error}.", fix=fix)


def _check_default(item: Any, where: str) -> None:
    """Check what an item of a defaults list is made of, which Hydra would refuse without the place."""
    if isinstance(item, dict) and len(item) == 1:
        [choice] = item.values()
        names = choice if isinstance(choice, list) else [] if choice is None else [choice]
    else:
        names = [item]
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"{where}: an item of 'defaults' must name a file of a group, as '- model: gnn', not {item!r}.",
            fix="Write one group to an item, and quotes around a name that is a number or a truth value.",
        )


def _lines(node: Any, path: Path, under: str = "") -> Any:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: a configuration must hold keys and values.")
    for key, value in node.value:
        name, line = key.value, key.start_mark.line + 1
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.tag != "tag:yaml.org,2002:str" or "." in name:
            raise ConfigError(
                f"{path}:{line}: the key {name!r} must be a word without dots.",
                fix="Write a nested key as a section; put quotes around a number or a truth value.",
            )
        yield f"{under}{name}", line
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, path, f"{under}{name}.")
        if isinstance(value, yaml.SequenceNode):
            yield from _lines_of_items(value, path, f"{under}{name}")


def _lines_of_items(node: Any, path: Path, key: str) -> Any:
    import yaml

    for number, item in enumerate(node.value):
        yield f"{key}.{number}", item.start_mark.line + 1
        if isinstance(item, yaml.MappingNode):
            yield from _lines(item, path, f"{key}.{number}.")
        if isinstance(item, yaml.SequenceNode):
            yield from _lines_of_items(item, path, f"{key}.{number}")
