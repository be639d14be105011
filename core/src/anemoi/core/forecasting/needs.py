"""What a forecast asks of its sources: which variables at which times, known before anything is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ..domain import Domain
from ..steps import Offset, Steps

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
    inputs = [number * steps.step + offset for number in range(count) for offset in steps.inputs]
    moving = tuple(name for name in domain.forcings if name not in domain.fixed)
    made: set[Offset] = set()
    first: set[Offset] = set()
    for number in range(count):
        first |= {number * steps.step + offset for offset in steps.inputs} - made
        made |= {number * steps.step + offset for offset in steps.outputs}
    unmade = tuple(name for name in domain.fixed if _must_be_read(domain, name))
    wanted = (
        (domain.prognostic, first),
        (tuple(name for name in moving if name not in persist), set(inputs)),
        (tuple(name for name in moving if name in persist), {min(offset, _NOW) for offset in inputs}),
        (unmade, {_NOW}),
    )
    return tuple(Need(names, tuple(sorted(offsets))) for names, offsets in wanted if names)


def _must_be_read(domain: Domain, name: str) -> bool:
    """Whether a constant did not come with the checkpoint."""
    return not domain[name].computed and name not in domain.constants
