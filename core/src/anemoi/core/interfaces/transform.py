"""What stands between the values of the data and the values that a network sees, there and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from ..domain import Domain


class Transform(nn.Module, ABC):
    """One step of the chain of a domain: normalising, filling in, remapping, bounding.

    Data go through the chain from first to last on their way to the network (:meth:`forward`), and from last
    to first on their way out (:meth:`inverse`). A chain is built anew from the configuration and the domain,
    both of which the checkpoint holds, so it is the same in training and forecast and has no weights.

    The inverse may also enforce what must hold of an output: a bound, or a value that is missing over land.
    Such a step names the variables in :attr:`enforces`; in a rollout they go out and in again after every
    step, so that the next one starts from what was enforced.

    A subclass takes ``domain``, and its own options after it, each with a type and a default; the options are
    what a user writes under ``transforms``.

    Parameters
    ----------
    domain
        The variables as the steps before leave them, with the statistics that they then have.
    """

    @abstractmethod
    def __init__(self, *, domain: Domain) -> None:
        super().__init__()
        self.before = domain

    @property
    def after(self) -> Domain:
        """The variables as this step leaves them; the same as before unless it is overridden."""
        return self.before

    @property
    def touches(self) -> frozenset[str]:
        """The names of the variables before it that it changes, on the way in or out; all by default."""
        return frozenset(self.before.names)

    @property
    def measures(self) -> frozenset[str]:
        """The names after it whose statistics do not follow from those before (a logarithm, say).

        None by default. They are measured on the training data, and :attr:`after` finds them by name in
        ``before.measured``. So such a step must not be built from statistics; it works cell by cell and hands
        NaNs on.
        """
        return frozenset()

    @property
    def enforces(self) -> frozenset[str]:
        """The names of the outputs that its inverse constrains, beyond undoing :meth:`forward`.

        None by default. Those that it needs to know for that are among them.
        """
        return frozenset()

    def renamed(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names that fields of ``names`` have after it; the same ones unless it is overridden."""
        return tuple(names)

    @abstractmethod
    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Bring values one step nearer to the network.

        Parameters
        ----------
        values
            ``(..., grid, len(names))``.
        names
            Which variables the last axis holds: any of those before this step, in any order.

        Returns
        -------
        Tensor
            ``(..., grid, len(renamed(names)))``.
        """

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Bring values one step back towards the data; a step without an inverse serves inputs alone.

        Parameters
        ----------
        values
            ``(..., grid, len(renamed(names)))``.
        names
            Which variables the result holds, as before this step.

        Returns
        -------
        Tensor
            ``(..., grid, len(names))``. For what came out of :meth:`forward`, that which went in.
        """
        raise NotImplementedError(f"{type(self).__name__} has no inverse")
