"""Choosing weights by the patterns of their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from anemoi.core.config.nearest import nearest
from anemoi.core.errors import ConfigError
from torch import nn

_NETWORK = "network."


def shown(name: str) -> str:
    """The name of a weight as users read and write it, without that of the network around it."""
    return name.removeprefix(_NETWORK)


def matching(pattern: str, names: Iterable[str], key: str) -> list[str]:
    """Give the weights that fit a pattern such as ``encoders.*``.

    Parameters
    ----------
    names
        Of weights, as the model has them.
    key
        Of the configuration that holds the pattern.

    Raises
    ------
    ConfigError
        If there are none.
    """
    known = list(names)
    found = [name for name in known if fnmatchcase(shown(name), pattern)]
    if not found:
        raise ConfigError(
            f"{key}: no weight fits the pattern {pattern!r}.", fix=nearest(pattern, _prefixes(known, pattern))
        )
    return found


def freeze(model: nn.Module, patterns: Sequence[str], key: str) -> None:
    """Let the weights that fit patterns stay as they are in a training.

    Raises
    ------
    ConfigError
        If a pattern fits none, or nothing is left to train.
    """
    parameters = dict(model.named_parameters())
    for pattern in patterns:
        for name in matching(pattern, parameters, key):
            parameters[name].requires_grad_(False)
    if not any(each.requires_grad for each in parameters.values()):
        raise ConfigError(f"{key}: all weights are frozen.", fix="Leave some to train.")


def factors(patterns: Sequence[tuple[str, float]], names: Iterable[str], key: str) -> dict[str, float]:
    """Give a factor to every weight that fits a pattern; the first pattern that fits counts.

    Raises
    ------
    ConfigError
        If a pattern fits none.
    """
    known, found = list(names), dict[str, float]()
    for pattern, factor in patterns:
        for name in matching(pattern, known, key):
            found.setdefault(name, factor)
    return found


def _prefixes(names: Iterable[str], pattern: str) -> set[str]:
    """Patterns that would fit, as deep as the one that does not."""
    depth = pattern.count(".") + 1
    cut = (shown(name).split(".") for name in names)
    return {".".join([*parts[: max(depth - 1, 1)], "*"]) if len(parts) > 1 else parts[0] for parts in cut}
