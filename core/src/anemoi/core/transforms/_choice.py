"""Which variables the options of a transform choose, by name or pattern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..config.nearest import nearest
from ..errors import ConfigError


def matching(pattern: str, names: Sequence[str], *, option: str, among: str = "variable") -> tuple[str, ...]:
    """The names that a name or a pattern (``q_*``) stands for.

    Parameters
    ----------
    pattern
        What a user wrote.
    names
        Those there are.
    option
        Where it was written.
    among
        A word for what has those names.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if pattern in names:
        return (pattern,)
    found = tuple(name for name in names if fnmatchcase(name, pattern))
    if not found:
        raise ConfigError(f"{option}: no {among} is called {pattern!r}.", fix=nearest(pattern, names))
    return found


def assigned(
    options: Mapping[str, Mapping[str, Any] | Iterable[str]], names: Sequence[str], *, among: str = "variable"
) -> dict[str, tuple[str, Any]]:
    """The option that chooses each variable, and its setting there.

    Parameters
    ----------
    options
        By option, the patterns, each with its setting; a list of patterns has the setting None.
    names
        Those there are.
    among
        A word for what has those names.

    Returns
    -------
    dict
        By name, in the order of ``names``, the option and the setting.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or two options or settings contend for one variable.
    """
    found: dict[str, tuple[str, Any]] = {}
    for option, patterns in options.items():
        settings = patterns if isinstance(patterns, Mapping) else dict.fromkeys(patterns)
        for pattern, setting in settings.items():
            for name in matching(pattern, names, option=option, among=among):
                before = found.setdefault(name, (option, setting))
                if before != (option, setting):
                    raise ConfigError(
                        f"{name} is chosen twice: {_told(*before)} and {_told(option, setting)}.",
                        fix="Choose it once.",
                    )
    return {name: found[name] for name in names if name in found}


def _told(option: str, setting: Any) -> str:
    return option if setting is None else f"{option} ({setting})"
