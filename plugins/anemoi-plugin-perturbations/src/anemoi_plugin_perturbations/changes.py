"""Changes of initial states: how large they are, and how they are added."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces import Fields
from anemoi.core.model import ForecastModel
from numpy.typing import NDArray
from torch import Tensor


def check_amplitude(amplitude: float) -> float:
    """Give the amplitude of a perturbation.

    Raises
    ------
    ConfigError
        If it is not a number above zero.
    """
    if not (isfinite(amplitude) and amplitude > 0):
        raise ConfigError(f"amplitude is {amplitude:g}.", fix="Choose a number above zero, such as 0.3.")
    return amplitude


def sizes(domain: Domain) -> NDArray[np.float32]:
    """The standard deviation of the change of each input from one state to the next, ``(inputs,)``.

    It is zero for what is not prognostic.

    Parameters
    ----------
    domain
        As the network sees it.

    Raises
    ------
    DataError
        If that of a prognostic variable is unknown.
    """
    known = dict(zip(domain.names, domain.changes.stdev.tolist(), strict=True))
    if unknown := [name for name in domain.prognostic if not isfinite(known[name])]:
        raise DataError(
            f"The checkpoint does not know how much {', '.join(unknown)} changes from one state to the next.",
            fix="Train with data whose changes are known, or choose another perturbation: lagged.",
        )
    return np.array(
        [known[name] if name in domain.prognostic else 0.0 for name in domain.inputs], dtype=np.float32
    )


def size_of(domains: Mapping[str, Domain], changes: Fields) -> float:
    """The root mean square of changes, each in units of :func:`sizes`, over all prognostic values.

    Parameters
    ----------
    domains
        As the network sees them.
    changes
        ``(1, time in, 1, grid, inputs)`` by domain.
    """
    total, count = 0.0, 0
    for name, domain in domains.items():
        size = sizes(domain)
        (columns,) = np.nonzero(size)
        values = changes[name][..., columns] / changes[name].new_tensor(size[columns])
        total += float(values.double().square().sum())
        count += values.numel()
    return sqrt(total / count) if count else 0.0


def scaled(domains: Mapping[str, Domain], changes: Fields, amplitude: float) -> dict[str, Tensor]:
    """The same changes, as large as ``amplitude`` by the measure of :func:`size_of`.

    Raises
    ------
    DataError
        If they are all zero, or not finite.
    """
    size = size_of(domains, changes)
    if not (isfinite(size) and size > 0):
        raise DataError(
            f"A perturbation has grown to {size:g} times the change from one state to the next.",
            fix="Check that the forecast of the checkpoint follows from its initial state and stays finite.",
        )
    return {name: each * (amplitude / size) for name, each in changes.items()}


def added(model: ForecastModel, states: Fields, changes: Fields) -> dict[str, Tensor]:
    """Add changes to states, within bounds and as filled in; what does not change keeps its bits.

    Parameters
    ----------
    model
        Whose transforms know the bounds.
    states, changes
        ``(1, time in, 1, grid, inputs)`` by domain, normalised.
    """
    enforced = model.enforce_inputs({name: each + changes[name] for name, each in states.items()})
    return {name: torch.where(changes[name] == 0, each, enforced[name]) for name, each in states.items()}
