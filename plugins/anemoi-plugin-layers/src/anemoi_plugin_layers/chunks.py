"""Layers one after the other, in chunks whose activations need not be kept for the gradient."""

from __future__ import annotations

from typing import Any, cast

import torch
from anemoi.core.errors import ConfigError
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def check_chunks(num_layers: int, num_chunks: int) -> None:
    """Check that layers can be cut into chunks of the same length.

    Raises
    ------
    ConfigError
        If they cannot.
    """
    if num_chunks < 1 or num_layers % num_chunks:
        raise ConfigError(
            f"{num_layers} layers cannot be cut into {num_chunks} chunks of the same length.",
            fix="Choose a num_chunks that divides num_layers.",
        )


def run_in_chunks(
    layers: nn.ModuleList,
    state: tuple[Tensor, ...],
    *context: Any,
    num_chunks: int,
    gradient_checkpointing: bool,
) -> tuple[Tensor, ...]:
    """Run layers in a row, each taking the state and the context and giving back the state.

    With ``gradient_checkpointing`` only the states between chunks are kept for the gradient; what is
    inside a chunk is computed again on the way back (Chen et al., "Training deep nets with sublinear
    memory cost", 2016). The numbers are the same.

    Parameters
    ----------
    layers
        Each is called with ``*state, *context`` and returns a tuple like ``state``.
    state
        What changes from layer to layer.
    context
        What every layer is given as it is: a condition, or None.
    num_chunks
        Into how many chunks to cut them; see :func:`check_chunks`.
    gradient_checkpointing
        Whether to compute the inside of a chunk again instead of keeping it.
    """
    length = max(1, len(layers) // num_chunks)
    for start in range(0, len(layers), length):
        chunk = layers[start : start + length]

        def run(*inputs: Any, chunk: Any = chunk) -> tuple[Tensor, ...]:
            state = cast("tuple[Tensor, ...]", inputs[: len(inputs) - len(context)])
            for layer in chunk:
                state = layer(*state, *context)
            return state

        if gradient_checkpointing and torch.is_grad_enabled():
            state = checkpoint(run, *state, *context, use_reentrant=False)
        else:
            state = run(*state, *context)
    return state
