"""Multi-layer perceptrons, plain and gated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from anemoi.core.errors import ConfigError
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["gelu", "relu", "silu", "tanh"]
MLPImplementation = Literal["mlp", "glu", "swiglu", "geglu", "reglu"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
    "tanh": F.tanh,
}
_GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "glu": F.sigmoid,
    "swiglu": F.silu,
    "geglu": F.gelu,
    "reglu": F.relu,
}


def hidden_channels(channels: int, ratio: float) -> int:
    """The width of a hidden layer, ``ratio`` times ``channels`` to the nearest whole number.

    Raises
    ------
    ConfigError
        If that is not at least one.
    """
    hidden = int(channels * ratio + 0.5) if 0 < ratio < float("inf") else 0
    if hidden < 1:
        raise ConfigError(
            f"A hidden layer cannot be {ratio} times {channels} channels wide.",
            fix="Choose an mlp_hidden_ratio above zero.",
        )
    return hidden


class FeedForward(nn.Module):
    """A linear layer and what makes it non-linear: an activation, or a gate.

    The gated ones multiply one half of a linear layer by a function of the other (Shazeer, "GLU
    variants improve transformer", 2020); both halves are one matrix, ``linear``, gate first.

    Parameters
    ----------
    in_channels, out_channels
        Before and after.
    implementation
        ``mlp`` for an activation, or the name of the gate.
    activation
        With ``mlp`` alone; None is ``gelu``.

    Raises
    ------
    ConfigError
        If there is a gate and an activation: only one of them can be honoured.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        if implementation != "mlp" and activation is not None:
            raise ConfigError(
                f"mlp_implementation={implementation} has a gate of its own, and takes no activation.",
                fix=f"Leave out activation={activation}, or choose mlp_implementation=mlp.",
            )
        self.gated = implementation != "mlp"
        self.function = _GATES[implementation] if self.gated else _ACTIVATIONS[activation or "gelu"]
        self.linear = nn.Linear(in_channels, out_channels * (2 if self.gated else 1))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in_channels)`` to ``(..., out_channels)``."""
        return self.activate(self.linear(x))

    def activate(self, product: Tensor) -> Tensor:
        """What follows the linear layer, for who computes the product in a way of their own."""
        if not self.gated:
            return self.function(product)
        gate, value = product.chunk(2, dim=-1)
        return self.function(gate) * value


class MLP(nn.Module):
    """Hidden layers, then a linear one.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels
        The widths.
    extra_layers
        How many hidden layers there are beyond the first.
    implementation, activation
        As for :class:`FeedForward`.

    Raises
    ------
    ConfigError
        If there are both a gate and an activation, or ``extra_layers`` is negative.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        extra_layers: int = 0,
        implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        if extra_layers < 0:
            raise ConfigError(
                f"An MLP cannot have {extra_layers} extra layers.",
                fix="Choose mlp_extra_layers of 0 or more.",
            )
        widths = [in_channels] + [hidden_channels] * extra_layers
        self.hidden = nn.ModuleList(
            FeedForward(width, hidden_channels, implementation=implementation, activation=activation)
            for width in widths
        )
        self.out = nn.Linear(hidden_channels, out_channels)

    @property
    def first(self) -> nn.Linear:
        """The linear layer that meets the input."""
        return self.hidden[0].linear  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in_channels)`` to ``(..., out_channels)``."""
        return self.after_first(self.first(x))

    def after_first(self, product: Tensor) -> Tensor:
        """What follows the first linear layer, for who computes its product in a way of their own."""
        x: Tensor = self.hidden[0].activate(product)  # type: ignore[operator]
        for layer in self.hidden[1:]:
            x = layer(x)
        return self.out(x)  # type: ignore[no-any-return]
