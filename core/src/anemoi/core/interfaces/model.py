"""The network: from the inputs of every domain to its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from ..domain import Domain
from ..errors import ConfigError
from ..graph import Graph, Nodes
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
    condition_on_nodes
        Given as True to a model that declares ``Capability.NODE_CONDITION``, and to no other, where each of
        its hidden nodes is conditioned on numbers of its own.

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

    @property
    def condition_nodes(self) -> Nodes:
        """Where a condition on nodes lies; of a model that declares ``Capability.NODE_CONDITION``.

        Raises
        ------
        ConfigError
            Of any other.
        """
        raise ConfigError(
            f"The model {type(self).__name__} has no nodes that a condition could lie on.",
            fix="Choose one that declares Capability.NODE_CONDITION, such as encoder-processor-decoder.",
        )

    @property
    def networks(self) -> tuple[Model, ...]:
        """Those that make the members of a forecast, each some of them; by default it makes all itself."""
        return (self,)

    @abstractmethod
    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """Predict the outputs.

        Parameters
        ----------
        fields
            For each domain ``(batch, time in, ensemble, grid, inputs)``, times as ``steps[domain].inputs``,
            variables as ``domains[domain].inputs``. Never NaN.
        condition
            ``(batch, ensemble, condition_channels)``, what to condition on (noise, noise level); of a model
            built with ``condition_on_nodes`` ``(batch, ensemble, hidden nodes, condition_channels)``; or None
            if there are none.

        Returns
        -------
        dict
            For each domain that has outputs ``(batch, time out, ensemble, grid, outputs)``.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the model was built for, rather than leaving it out.
        """
