"""What mixes information between the hidden nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ..graph import Edges, Nodes
from .capability import Capability


class Processor(nn.Module, ABC):
    """Takes the latent state of the hidden nodes to the latent state one step later.

    It is built once, for a fixed graph, and may precompute anything from it. The number and
    shapes of its parameters must not depend on how many nodes and edges there are, so that the
    same weights run on another resolution; features learnt for each node or edge
    (:class:`anemoi_plugin_layers.TrainableFeatures`) are the exception, and only on demand.

    A subclass takes these keyword arguments, and its own options after them, each with a type and
    a default; the options are what a user writes under ``model.processor``.

    Parameters
    ----------
    nodes
        The hidden nodes.
    edges
        The edges between them, sorted by target.
    channels
        The size of the latent state of a node.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; see :class:`.Capability`."""

    @abstractmethod
    def __init__(self, *, nodes: Nodes, edges: Edges, channels: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Process the latent state.

        Parameters
        ----------
        x
            ``(batch, nodes, channels)``; ensemble members are folded into ``batch``.
        condition
            ``(batch, condition_channels)``, what to condition on (noise level, lead time), or None. There are
            as many as the option ``condition_channels`` says, of a layer that declares
            :attr:`.Capability.CONDITION`; any other takes none. One that declares
            :attr:`.Capability.NODE_CONDITION` takes ``(batch, nodes, condition_channels)`` too.

        Returns
        -------
        Tensor
            ``(batch, nodes, channels)``.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layer was built for, rather than leaving it out.
        """
