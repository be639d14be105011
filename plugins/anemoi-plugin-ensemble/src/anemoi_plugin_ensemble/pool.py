"""The model ``pool``: several networks, trained apart, that share the members of a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, NoReturn, cast

from anemoi.core.config import Builder, Component
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.capability import Capability
from anemoi.core.interfaces.model import Fields, Model
from pydantic import Field
from torch import Tensor, nn

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.graph import Graph, Nodes
    from anemoi.core.steps import Steps


class Pool(Model):
    """Networks of one build, each of which makes some members of a forecast and is never asked for others.

    What the networks do not agree on is what the data they were trained on do not tell (Lakshminarayanan et
    al., "Simple and scalable predictive uncertainty estimation using deep ensembles", 2017). FGN is a pool of
    four (Alet et al., arXiv:2506.10772, 2025). ``anemoi checkpoint pool`` makes one of trained checkpoints.

    Parameters
    ----------
    domains, graph, steps, condition_channels, condition_on_nodes
        As for every :class:`~anemoi.core.interfaces.model.Model`; each network is given them.
    network
        How each of them is built.
    count
        How many there are.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CONDITION, Capability.NODE_CONDITION}
    )

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        condition_on_nodes: bool = False,
        network: Annotated[Builder, Component("model")],
        count: Annotated[int, Field(ge=2)],
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        on_nodes = {"condition_on_nodes": True} if condition_on_nodes else {}
        self.pooled = nn.ModuleList(
            network(
                domains=domains, graph=graph, steps=steps, condition_channels=condition_channels, **on_nodes
            )
            for _ in range(count)
        )

    @property
    def networks(self) -> tuple[Model, ...]:
        """See :meth:`anemoi.core.interfaces.model.Model.networks`."""
        return tuple(cast(Model, each) for each in self.pooled)

    @property
    def condition_nodes(self) -> Nodes:
        """See :meth:`anemoi.core.interfaces.model.Model.condition_nodes`."""
        return self.networks[0].condition_nodes

    def forward(self, fields: Fields, condition: Tensor | None = None) -> NoReturn:
        """Refuse: a forecast asks one of :attr:`networks`.

        Raises
        ------
        ConfigError
            In any case.
        """
        raise ConfigError(
            "A pool has no outputs of its own: each of its networks makes members of a forecast.",
            fix="Train each network by itself, and put the checkpoints together: "
            "anemoi checkpoint pool FILE FILE --output FILE",
        )
