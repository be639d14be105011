"""Attention of each node to a window of nodes, by the backend that suits the device and the options."""

from __future__ import annotations

from typing import Literal

from anemoi.core.errors import ConfigError
from torch import Tensor, nn

from .flex import FlexWindow
from .padded_window import PaddedWindow
from .window import SlidingWindow

Backend = Literal["auto", "blocks", "flex"]


class WindowAttention(nn.Module):
    """Softmax attention of each node to those within a window of it, or to all.

    Parameters
    ----------
    nodes
        How many there are.
    window
        How far a node sees on either side, in nodes; None is without end.
    softcap
        Scores are kept below this, or None.
    dropout_p
        How likely a weight is dropped in training.
    backend
        ``blocks`` is plain torch and runs everywhere (:class:`~.window.SlidingWindow`). ``flex`` is
        FlexAttention, one fused kernel on a GPU (:class:`~.flex.FlexWindow`); it cannot drop weights.
        ``auto`` takes ``flex`` on a GPU, if nothing is dropped.

    Raises
    ------
    ConfigError
        If the backend cannot honour the options.
    """

    def __init__(
        self,
        *,
        nodes: int,
        window: int | None,
        softcap: float | None = None,
        dropout_p: float = 0.0,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        if backend == "flex" and dropout_p:
            raise ConfigError(
                "FlexAttention cannot drop weights of the attention.",
                fix=f"Leave out dropout_p={dropout_p}, or choose backend=blocks.",
            )
        self.backend, self.nodes, self.window = backend, nodes, window
        self.blocks: nn.Module = SlidingWindow(
            nodes=nodes, window=window, softcap=softcap, dropout_p=dropout_p
        )
        self.flex = None if dropout_p else FlexWindow(nodes=nodes, window=window, softcap=softcap)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        query, key, value
            ``(batch, heads, nodes, channels)``.

        Returns
        -------
        Tensor
            ``(batch, heads, nodes, channels)``.

        Raises
        ------
        ConfigError
            If ``flex`` was asked for, and the tensors are not on a GPU.
        """
        if self.backend == "flex" and not query.is_cuda:
            raise ConfigError(
                f"backend=flex needs a GPU, but the model is on {query.device.type}.",
                fix="Choose backend=auto.",
            )
        if self.flex is not None and self.backend != "blocks" and query.is_cuda:
            return self.flex(query, key, value)  # type: ignore[no-any-return]
        return self.blocks(query, key, value)  # type: ignore[no-any-return]

    def as_in_0_1_0(self) -> None:
        """Add up in the order of 0.1.0 wherever ``flex`` is not taken."""
        self.blocks = PaddedWindow(nodes=self.nodes, window=self.window)
