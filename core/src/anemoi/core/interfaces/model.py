"""The network: from the inputs of every domain to its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from ..domain import Domain
from ..graph import Graph
from ..steps import Steps
from .capability import Capability

Fields = Mapping[str, Tensor]
"""Values by domain, ``(batch, time, ensemble, grid, variable)``: the one way data travel between parts."""


class Model(nn.Module, ABC):
    """Takes the normalised inputs of each domain to its normalised outputs, once.

    The objective says what the outputs are: for a rollout the states that follow, for a diffusion the state
    without its noise. A model knows roles alone: a prognostic output may be predicted as its last input and a
    change; a diagnostic one has no input to add to.

    A subclass takes these keyword arguments, and its own options after them, each with a type and a default;
    the options are what a user writes under ``model``. An option that is a component (``Annotated[Builder,
    Component("processor")]``) arrives as what builds it: see :class:`anemoi.core.config.Builder`.

    Parameters
    ----------
    domains
        What comes in and goes out, by name, in the normalised space: ``statistics`` and ``changes`` are those
        of the normalised values.
    graph
        Nodes named by domain, hidden ones, and edges; None for a model that declares ``needs_graph = False``.
    steps
        When the states lie that come in and go out, for each domain.
    condition_channels
        How many numbers each member is conditioned on; 0 if nothing provides a condition.

    Raises
    ------
    ConfigError
        If it cannot be built for these domains, or not for a condition.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; ``Capability.CONDITION`` of one that can take a condition."""

    needs_graph: ClassVar[bool] = True
    """Whether it is built on a graph. If not, none is built, and ``graph`` is None."""

    @abstractmethod
    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
    ) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """Predict the outputs.

        Parameters
        ----------
        fields
            For each domain ``(batch, time in, ensemble, grid, inputs)``, times as ``steps[domain].inputs``,
            variables as ``domains[domain].inputs``. Never NaN.
        condition
            ``(batch, ensemble, condition_channels)``, what to condition on (noise, noise level), or None if
            there are none.

        Returns
        -------
        dict
            For each domain that has outputs ``(batch, time out, ensemble, grid, outputs)``.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the model was built for, rather than leaving it out.
        """
