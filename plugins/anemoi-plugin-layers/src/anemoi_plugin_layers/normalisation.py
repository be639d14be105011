"""Normalisation of each node's channels, with or without a condition that scales and shifts them."""

from __future__ import annotations

from typing import Literal

from anemoi.core.errors import ConfigError
from torch import Tensor, nn

Normalisation = Literal["layer_norm", "rms_norm", "none"]


def check_condition(condition: Tensor | None, condition_channels: int, *, nodes: int | None = None) -> None:
    """Check that a layer is given the condition that it was built for, and none if for none.

    Parameters
    ----------
    condition
        ``(batch, condition_channels)``, ``(batch, nodes, condition_channels)``, or None.
    condition_channels
        How many the layer was built for.
    nodes
        How many nodes a layer has that takes a condition at each of them; None of any other.

    Raises
    ------
    ConfigError
        If a condition is given or absent against that, or has another size.
    """
    if condition is not None and condition.ndim > 2 and condition.shape[1:-1] != (nodes,):
        raise ConfigError(
            f"This layer was given a condition of the shape {tuple(condition.shape)}, but takes one for each "
            f"item of the batch{'' if nodes is None else f', or for each of its {nodes} nodes'}.",
            fix="Condition it on (batch, condition_channels).",
        )
    seen = 0 if condition is None else condition.shape[-1]
    if seen != condition_channels:
        raise ConfigError(
            f"This layer was built for {condition_channels} conditions, but was given {seen}.",
            fix="Set condition_channels of the layer to how many there are.",
        )


def on_nodes(condition: Tensor | None) -> bool:
    """Whether a condition has numbers for each node, ``(batch, nodes, condition_channels)``."""
    return condition is not None and condition.ndim > 2


class Norm(nn.Module):
    """Normalises the channels of each node, then scales and shifts them.

    Without a condition, scale and shift are learnt numbers. With one they are linear in it, and begin
    as one and zero, so that a new layer does not depend on it: conditional layer norm, or, where
    nothing is normalised, FiLM (Perez et al., "FiLM: visual reasoning with a general conditioning
    layer", 2018).

    Parameters
    ----------
    channels
        How many channels a node has.
    kind
        ``layer_norm`` (Ba et al., 2016), ``rms_norm`` (Zhang and Sennrich, 2019), or ``none``.
    condition_channels
        How many conditions there are; 0 for none.
    """

    def __init__(
        self, channels: int, kind: Normalisation = "layer_norm", *, condition_channels: int = 0
    ) -> None:
        super().__init__()
        learnt = not condition_channels
        self.norm: nn.Module = nn.Identity()
        if kind == "layer_norm":
            self.norm = nn.LayerNorm(channels, elementwise_affine=learnt)
        elif kind == "rms_norm":
            self.norm = nn.RMSNorm(channels, elementwise_affine=learnt)
        self.condition_channels = condition_channels
        if condition_channels:
            self.modulation = nn.Linear(condition_channels, 2 * channels)  # scale, then shift
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise.

        Parameters
        ----------
        x
            ``(batch, nodes, channels)``.
        condition
            ``(batch, condition_channels)``, at each node ``(batch, nodes, condition_channels)``, or None.

        Returns
        -------
        Tensor
            ``(batch, nodes, channels)``, of the type of ``x`` under autocast too.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the layer was built for.
        """
        check_condition(condition, self.condition_channels, nodes=x.shape[1])
        normalised = self.norm(x)
        if condition is not None:
            at_nodes = condition if on_nodes(condition) else condition[:, None]
            scale, shift = self.modulation(at_nodes).chunk(2, dim=-1)  # (batch, nodes or 1, channels) each
            normalised = normalised * (1 + scale) + shift
        return normalised.type_as(x)  # type: ignore[no-any-return]
