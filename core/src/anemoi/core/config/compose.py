"""Puts a configuration together from its layers, and remembers which of them wrote what."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from .composition import FILE, Composition
from .files import read_file
from .layered_values import LayeredValues
from .layers import LAYERS, find_layers, stranger
from .nearest import nearest, provider
from .resolving import references, refuse_environment, resolve
from .tree import LayeredFiles


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
    values = LayeredValues(tree)
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
        values=resolve(values.values, values.origins()),
        trusted=True,
        configs=tuple(dict.fromkeys(selection.config for selection in selections)),
        origins=values.origins(),
        references=references(values.values),
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
        As :func:`compose`, or if what was recorded refers to the environment and is not trusted.
    """
    from ._hydra import changes  # brings Hydra, too

    values = LayeredValues(None)
    values.lay(composition.recorded, "", lambda key, value: composition.history(key)[-1])
    values.history.update({key: list(origins) for key, origins in composition.origins.items()})
    for change in changes(overrides):
        values.change(change, ())
    if not composition.trusted:
        refuse_environment(values.values, values.origins())
    return replace(
        composition,
        overrides=(*composition.overrides, *overrides),
        values=resolve(values.values, values.origins()),
        origins=values.origins(),
        references=references(values.values),
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
    values = LayeredValues(None)
    values.lay(composition.recorded, "", lambda key, value: composition.history(key)[-1])
    values.history.update({key: list(origins) for key, origins in composition.origins.items()})
    values.lay_file(replace(file, package=None), "", FILE, None)
    for change in changes(overrides):
        values.change(change, ())
    resolved, origins = resolve(values.values, values.origins()), values.origins()
    # Items of its lists have a line of their own, as long as nothing replaced the list.
    for key, line in file.lines.items():
        name = key
        while "." in name and name not in origins:
            name = name.rpartition(".")[0]
        if name != key and name in origins and origins[name][-1].file == path:
            origins[key] = (replace(origins[name][-1], line=line),)
    return replace(
        composition,
        overrides=tuple(overrides),
        values=resolved,
        origins=origins,
        references=references(values.values),
        path=path,
    )
