"""What is held against the peer: one module for each family of layers.

Such a module has ``PARITY``, a list of :class:`Parity`, ``CONTESTS``, a list of :class:`Contest`, and
``DISTRIBUTION``, the folder among the plugins whose tests take the recordings.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Parity:
    """A layer of ours and one of the peer's that are the same mathematics.

    Parameters
    ----------
    name
        Of the recording: ``processor-`` or ``mapper-`` and what is special.
    ours, theirs
        Take ``arguments``, and have the ``forward`` of our interface.
    arguments
        Of our constructor; what JSON can hold, nodes and edges.
    inputs
        Shapes of the arguments of ``forward``, by name.
    weights
        Takes our parameters, by name, to the peer's: renames, cuts and joins, such that a gradient
        passes. All of the peer's parameters are among them.
    """

    name: str
    ours: Callable[..., nn.Module]
    theirs: Callable[..., nn.Module]
    arguments: Mapping[str, Any]
    inputs: Mapping[str, tuple[int, ...]]
    weights: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True)
class Contest:
    """A layer of ours and one of the peer's whose time and memory are compared.

    Parameters
    ----------
    name
        What the table calls it.
    ends
        Which edges of the graph it works on: ``("hidden", "hidden")`` for a processor.
    ours, theirs
        Take the arguments of our interface and the options, and have its ``forward``.
    options
        Besides nodes, edges and channels.
    work
        Floating-point operations and bytes that nobody can do without in a forward pass, from the
        arguments of the constructor.
    features
        Of a mapper: ``source_channels``, ``target_channels`` and ``out_channels``; those that are
        left out are ``channels``.
    targets
        At least how many times faster, forwards and with the gradient, and at most how many times
        the memory.
    """

    name: str
    ends: tuple[str, str]
    ours: Callable[..., nn.Module]
    theirs: Callable[..., nn.Module]
    options: Mapping[str, Any]
    work: Callable[[Mapping[str, Any]], tuple[float, float]]
    targets: tuple[float, float, float]
    features: Mapping[str, int] = field(default_factory=dict)


def families() -> list[str]:
    """The names of the modules beside this one."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def family(name: str) -> ModuleType:
    """One of them; only its own plugin is imported."""
    return import_module(f"{__name__}.{name}")
