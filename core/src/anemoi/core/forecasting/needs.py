"""What a forecast asks of its sources: which variables at which times, known before anything is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain import Domain
from ..steps import Offset, Steps

Offsets = NDArray[np.timedelta64]
_NOW = np.timedelta64(0, "s")


@dataclass(frozen=True)
class Need:
    """Some variables of one domain at some times, relative to the start.

    Parameters
    ----------
    variables
        Their names, in the order of the domain.
    offsets
        When, in order.
    """

    variables: tuple[str, ...]
    offsets: tuple[Offset, ...]


def needs(domain: Domain, steps: Steps, count: int, persist: Collection[str] = ()) -> tuple[Need, ...]:
    """List what ``count`` steps of a forecast ask of the source of one domain.

    Prognostic variables are asked for at those input times that no step before has forecast: for a rollout
    those at the start. Forcings that are neither constant nor computed are asked for at every input time;
    those of ``persist`` up to the start. Diagnostic variables are never asked for.
    """
    inputs, unmade = _asked_for(steps, count)
    moving = tuple(name for name in domain.forcings if name not in domain.fixed)
    wanted = (
        (domain.prognostic, unmade),
        (tuple(name for name in moving if name not in persist), inputs),
        (tuple(name for name in moving if name in persist), np.unique(np.minimum(inputs, _NOW))),
        (tuple(name for name in domain.fixed if _must_be_read(domain, name)), np.array([_NOW])),
    )
    return tuple(Need(names, tuple(offsets)) for names, offsets in wanted if names)


def _asked_for(steps: Steps, count: int) -> tuple[Offsets, Offsets]:
    """All input times of ``count`` steps, and those of them that no step before has forecast; in order."""
    start = np.arange(count)[:, None] * steps.step  # (steps, 1)
    inputs, asked = _with_first_step(start + np.array(steps.inputs, dtype="timedelta64[s]"))
    outputs, made = _with_first_step(start + np.array(steps.outputs, dtype="timedelta64[s]"))
    if not len(outputs):
        return inputs, inputs
    place = np.searchsorted(outputs, inputs).clip(max=len(outputs) - 1)
    return inputs, inputs[(outputs[place] != inputs) | (made[place] >= asked)]


def _with_first_step(times: Offsets) -> tuple[Offsets, NDArray[np.intp]]:
    """From ``(steps, times of one)`` to all times in order, and the first step that has each."""
    unique, first = np.unique(times, return_index=True)
    return unique, first // max(times.shape[1], 1)


def _must_be_read(domain: Domain, name: str) -> bool:
    """Whether a constant did not come with the checkpoint."""
    return not domain[name].computed and name not in domain.constants
