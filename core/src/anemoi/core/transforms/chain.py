"""All transforms of one domain, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from .. import config
from ..domain import Domain, Statistics
from ..errors import ConfigError, PluginError
from ..interfaces.transform import Transform
from ._columns import Columns


class Chain(nn.Module):
    """The transforms of one domain: data go through them to the network, and backwards on their way out.

    Parameters
    ----------
    transforms
        The steps, each built on the domain that the one before leaves.
    domain
        The variables before the first.

    Raises
    ------
    ConfigError
        If a step without an inverse touches an output; or the statistics of a variable would have to be
        measured twice, or after a step that changes its scale.
    """

    def __init__(self, transforms: Sequence[Transform], domain: Domain) -> None:
        super().__init__()
        self._steps, self._columns = nn.ModuleList(transforms), Columns()
        self.before = domain
        self.after = self.steps[-1].after if transforms else domain
        for step in self.steps:
            _check_inverse(step)
        _check_measured(self.steps)
        self._enforced = tuple(
            name
            for name in domain.outputs
            if any(step.enforces.intersection(names) for step, names in self._path((name,)))
        )
        place = {name: number for number, name in enumerate(self.after.outputs)}
        self._places = [place[name] for name in self.renamed(self._enforced)]

    @property
    def steps(self) -> tuple[Transform, ...]:
        """The transforms, from first to last."""
        return cast("tuple[Transform, ...]", tuple(self._steps))

    @property
    def enforced(self) -> tuple[str, ...]:
        """The outputs, as named before the chain, that :meth:`enforce` constrains."""
        return self._enforced

    def renamed(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names that fields of ``names`` have after the chain."""
        for step in self.steps:
            names = step.renamed(names)
        return tuple(names)

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Bring values to the network.

        Parameters
        ----------
        values
            ``(..., grid, len(names))``, as they are in the data.
        names
            Which variables the last axis holds: any of those before the chain, in any order.

        Returns
        -------
        Tensor
            ``(..., grid, len(renamed(names)))``.
        """
        for step, known in self._path(names):
            if step.touches.intersection(known):
                values = step.forward(values, known)
        return values

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Bring values back to where data are, within their bounds and missing where they are.

        Parameters
        ----------
        values
            ``(..., grid, len(renamed(names)))``.
        names
            Which variables the result holds, as named before the chain.

        Returns
        -------
        Tensor
            ``(..., grid, len(names))``.
        """
        for step, known in reversed(list(self._path(names))):
            if step.touches.intersection(known):
                values = step.inverse(values, known)
        return values

    def enforce(self, outputs: Tensor) -> Tensor:
        """Make what was forecast hold to its bounds, by taking it out and in again.

        Parameters
        ----------
        outputs
            ``(..., grid, outputs)``, as a network gives them.

        Returns
        -------
        Tensor
            The same, other outputs to the bit; the same tensor if there is nothing to enforce.
        """
        if not self._enforced:
            return outputs
        some = self.inverse(self._columns.take(outputs, self._places), self._enforced)
        return self._columns.put(outputs, self._places, self.forward(some, self._enforced))

    def _path(self, names: Sequence[str]) -> Iterator[tuple[Transform, tuple[str, ...]]]:
        """Each step, and the names that fields of ``names`` have before it."""
        known = tuple(names)
        for step in self.steps:
            yield step, known
            known = step.renamed(known)


class Measured:
    """What has to be measured on the training data before a chain can be built.

    Parameters
    ----------
    chain
        The chain, built without statistics.
    """

    names: tuple[str, ...]
    """The names after the transforms, which ``Domain.measured`` has the statistics under."""

    sources: tuple[str, ...]
    """The variables before the chain that they are made from."""

    def __init__(self, chain: Chain) -> None:
        self._steps = [step for step in chain.steps if step.measures]
        self._columns = Columns()
        self.names = tuple(name for step in self._steps for name in step.after.names if name in step.measures)
        self.sources = tuple(name for name in chain.before.names if self._made_from((name,)))

    def apply(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Make what has to be measured.

        Parameters
        ----------
        values
            ``(..., grid, len(names))``, as they are in the data.
        names
            Which variables the last axis holds; :attr:`sources` are among them, in any order.

        Returns
        -------
        Tensor
            ``(..., grid, len(self.names))``.
        """
        place_of = {name: place for place, name in enumerate(names)}
        values = self._columns.take(values, [place_of[name] for name in self.sources])
        found: dict[str, Tensor] = {}
        known = self.sources
        for step in self._steps:
            values, known = step.forward(values, known), step.renamed(known)
            found.update(
                (name, values[..., place]) for place, name in enumerate(known) if name in step.measures
            )
        return torch.stack([found[name] for name in self.names], dim=-1)

    def _made_from(self, names: tuple[str, ...]) -> bool:
        for step in self._steps:
            if step.touches.intersection(names):
                return True
            names = step.renamed(names)
        return False


def build_chain(specs: Mapping[str, Mapping[str, Any]], domain: Domain, *, trust_code: bool = False) -> Chain:
    """Build the transforms that a configuration describes.

    Parameters
    ----------
    specs
        The steps from first to last, each under a label of its own: its ``name`` and options.
    domain
        The variables, with statistics, and those of what :func:`measured` says in ``measured``.
    trust_code
        Whether a ``_target_`` in the configuration may be imported.

    Raises
    ------
    ConfigError, PluginError
        With the label, if a component is unknown or absent, or does not take its options.
    """
    steps: list[Transform] = []
    before = domain
    for label, spec in specs.items():
        with _labelled(label):
            steps.append(config.build("transform", spec, domain=before, trust_code=trust_code))
            before = steps[-1].after
    return Chain(steps, domain)


def measured(
    specs: Mapping[str, Mapping[str, Any]], domain: Domain, *, trust_code: bool = False
) -> Measured | None:
    """Find out what has to be measured on the training data before the chain can be built.

    The moments of :meth:`Measured.apply`, of values and of changes, belong in ``Domain.measured``. All
    mistakes that are not in the statistics come out here, before any data are read.

    Parameters
    ----------
    specs
        As for :func:`build_chain`.
    domain
        The variables; their statistics are not looked at.
    trust_code
        Whether a ``_target_`` in the configuration may be imported.

    Returns
    -------
    Measured | None
        None if nothing has to be measured.

    Raises
    ------
    ConfigError, PluginError
        As :func:`build_chain`.
    """
    unknown = Statistics(*np.repeat(_STAND_IN[0][:, None], len(domain.variables), axis=1))
    known = replace(domain, statistics=unknown, changes=unknown, measured={})
    steps: list[Transform] = []
    before = known
    for label, spec in specs.items():
        with _labelled(label):
            step: Transform = config.build("transform", spec, domain=before, trust_code=trust_code)
            if step.measures:
                rows = {**before.measured, **dict.fromkeys(step.measures, _STAND_IN)}
                before = replace(before, measured=rows)
                step = config.build("transform", spec, domain=before, trust_code=trust_code)
            steps.append(step)
            before = step.after
    found = Measured(Chain(steps, known))
    return found if found.names else None


_STAND_IN = np.array([[1.0, 2.0, 0.0, 8.0]] * 2)
"""Statistics in the place of those that are not known yet; every method of normalising changes them."""


@contextmanager
def _labelled(label: str) -> Iterator[None]:
    try:
        yield
    except (ConfigError, PluginError) as error:
        raise type(error)(f"transforms.{label}: {error.what}", fix=error.fix) from error


def _check_inverse(step: Transform) -> None:
    if type(step).inverse is Transform.inverse:
        touched = sorted(step.touches.intersection(step.before.outputs))
        if touched:
            raise ConfigError(
                f"{type(step).__name__} has no inverse, so it cannot be applied to {', '.join(touched)}, "
                "which a model forecasts.",
                fix="Apply it to forcings alone.",
            )


def _check_measured(steps: Sequence[Transform]) -> None:
    """Check that statistics measured on the data as they are read are those at the place of each step."""
    scaled: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    for step in steps:
        if step.measures:
            if late := scaled & step.touches:
                raise ConfigError(
                    f"{type(step).__name__} comes after a transform that changes the scale of {min(late)}.",
                    fix="Put it before that one: its statistics are measured on the data as they are.",
                )
            if twice := done & step.measures:
                raise ConfigError(f"{min(twice)} is remapped twice.", fix="Remap it once.")
            done |= step.measures
        else:
            scaled |= _scaled(step)
        scaled = frozenset(step.renamed(tuple(scaled)))


def _scaled(step: Transform) -> frozenset[str]:
    """The names of variables whose statistics a step changes."""
    before, after = step.before, step.after
    return frozenset(
        name
        for name in step.touches.intersection(after.names)
        if not all(
            np.array_equal(
                getattr(before.statistics, each)[before.names.index(name)],
                getattr(after.statistics, each)[after.names.index(name)],
                equal_nan=True,
            )
            for each in ("mean", "stdev", "minimum", "maximum")
        )
    )
