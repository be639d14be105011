"""Which components a configuration names that cannot be used here: all of them, told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from anemoi.core.config import compose, find_layers
from anemoi.core.config.schema import settings_schema
from anemoi.core.config.tree import LayeredFiles
from anemoi.core.errors import PluginError
from anemoi.core.plugins import choice_fault, together

_WORD = re.compile(r"\+{0,2}([\w/-]+)(?:\.[\w.-]+)?=(.*)")
_OPTION = re.compile(r"[\w:.-]+")

Choices = dict[str, list[str]]
"""The files that are chosen of each group: ``{"model": ["transformer"], "tracker": ["jsonl", "mlflow"]}``."""


def lacking(primary: str, overrides: Sequence[str], settings: Callable[..., Any]) -> PluginError | None:
    """Why a configuration does not do here, if components that it names cannot be used; else None.

    To be asked when it does not compose, or is refused: Hydra stops at the first file that is not there.

    Parameters
    ----------
    primary, overrides
        The configuration, as :func:`anemoi.core.config.compose` takes it.
    settings
        The dataclass that declares what it may hold.
    """
    tree = LayeredFiles([layer for layer in find_layers() if layer.problem is None])
    chosen = _choices(tree, primary, overrides)
    absent = {(group, name) for group, names in chosen.items() for name in names} - _there(tree, chosen)
    faults = [fault for choice in sorted(absent) if (fault := choice_fault(*choice)) is not None]
    # What Hydra cannot compose is laid together more simply, well enough to see which components it names.
    values = _laid(tree, primary, chosen, overrides) if absent else compose(primary, overrides).values
    schema = settings_schema(settings, values, trust_code=True)
    faults += [fault for fault in schema.faults.values() if isinstance(fault, PluginError)]
    return together(faults) if faults else None


def _choices(tree: LayeredFiles, primary: str, overrides: Iterable[str]) -> Choices:
    """What the defaults lists choose, then the words of the command line."""
    chosen = _defaults(tree, primary)
    said: Choices = {}
    for word in overrides:
        match = _WORD.fullmatch(word)
        if match and "." not in word.partition("=")[0] and (match[1] in chosen or tree.files(match[1])):
            said[match[1]] = _OPTION.findall(match[2])
    for group, names in said.items():
        for name in names:
            if tree.has(f"{group}/{name}"):  # An experiment may choose of other groups in its own list.
                chosen |= _defaults(tree, f"{group}/{name}")
    return chosen | said


def _defaults(tree: LayeredFiles, config: str) -> Choices:
    chosen: Choices = {}
    for item in tree.defaults(config):
        if isinstance(item, Mapping):
            [(word, choice)] = item.items()
            group = str(word).split(" ")[-1].lstrip("/").partition("@")[0]
            names = choice if isinstance(choice, list) else [choice]
            chosen[group] = [name for name in names if isinstance(name, str) and _OPTION.fullmatch(name)]
    return chosen


def _there(tree: LayeredFiles, chosen: Choices) -> set[tuple[str, str]]:
    return {(group, name) for group, names in chosen.items() for name in names if tree.has(f"{group}/{name}")}


def _laid(tree: LayeredFiles, primary: str, chosen: Choices, overrides: Iterable[str]) -> Mapping[str, Any]:
    """The values of the files that are there and of the words that set some."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    laid = OmegaConf.create()
    for group, name in [("", primary), *sorted(_there(tree, chosen))]:
        for _, file in tree.versions(f"{group}/{name}".lstrip("/")):
            package = group.replace("/", ".") if file.package is None else file.package
            if package in ("", "_global_"):
                laid.merge_with(file.values)
            else:
                OmegaConf.update(laid, package, file.values)
    matches = [match for word in overrides if (match := _WORD.fullmatch(word))]
    said = [match[0].lstrip("+") for match in matches if match[1] not in chosen]
    with suppress(OmegaConfBaseException, YAMLError):  # A malformed word is told of when all is here.
        laid.merge_with(OmegaConf.from_dotlist(said))
    return cast("dict[str, Any]", OmegaConf.to_container(laid))
