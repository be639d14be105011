"""What carries information from one set of nodes to another: the encoder and the decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ..graph import Edges, Nodes
from .capability import Capability


class Mapper(nn.Module, ABC):
    """Brings the features of source nodes to target nodes along the edges between them.

    One contract serves both ends of a model: the encoder maps ``data`` to ``hidden``, the
    decoder ``hidden`` to ``data``. So any encoder works with any processor and any decoder.
    The number and shapes of its parameters must not depend on how many nodes and edges there are,
    except for features learnt for each of them, and only on demand.

    A subclass takes these keyword arguments, and its own options after them, each with a type and
    a default; the options are what a user writes under ``model.encoder`` or ``model.decoder``.

    Parameters
    ----------
    source, target
        The nodes at the two ends.
    edges
        The edges from ``source`` to ``target``, sorted by target.
    source_channels, target_channels
        How many features come in on each source and on each target node.
    channels
        The size of its own latent state, and the default of what it is free to choose.
    out_channels
        How many features leave on each target node.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; see :class:`.Capability`."""

    @abstractmethod
    def __init__(
        self,
        *,
        source: Nodes,
        target: Nodes,
        edges: Edges,
        source_channels: int,
        target_channels: int,
        channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map source features onto the target nodes.

        Parameters
        ----------
        source
            ``(batch, source nodes, source_channels)``; ensemble members are folded into ``batch``.
        target
            ``(batch, target nodes, target_channels)``, what is known on the target nodes already.
        condition
            ``(batch, condition_channels)``, what to condition on (noise level, lead time), or None. There are
            as many as the option ``condition_channels`` says, of a layer that declares
            :attr:`.Capability.CONDITION`; any other takes none.

        Returns
        -------
        Tensor
            ``(batch, target nodes, out_channels)``.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layer was built for, rather than leaving it out.
        """
