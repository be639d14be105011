"""One step of a forecast: from the last states to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..graph import Nodes
from ..interfaces.mapper import Mapper
from ..interfaces.processor import Processor


@dataclass(frozen=True)
class ModelStatistics:
    """What normalises the state; ``(variables,)`` float32 each, from the training period.

    Parameters
    ----------
    mean, stdev
        Of the values.
    tendency_stdev
        Of the change from one state to the next.
    """

    mean: Tensor
    stdev: Tensor
    tendency_stdev: Tensor


class ForecastModel(nn.Module):
    """Predicts the next state as the last one plus a tendency (encoder, processor, decoder).

    Tendencies, those that come in with the states and the one that goes out of the decoder, are in
    units of the standard deviation of the change from one state to the next, so that they are of
    order one however slowly a variable changes (as in GraphCast, Lam et al., Science 2023).

    Parameters
    ----------
    encoder, processor, decoder
        Built for one graph.
    hidden
        The hidden nodes, whose places are the features that the encoder meets there.
    variables
        The names of the variables, in the order of the last axis of the state.
    forcings
        The names of the computed forcings, in the order of the last axis of ``forcings``.
    statistics
        What :meth:`normalise` and the tendencies are scaled with.
    input_steps
        How many states the prediction is made from.
    """

    mean: Tensor
    stdev: Tensor
    tendency_scale: Tensor
    hidden_features: Tensor

    def __init__(
        self,
        *,
        encoder: Mapper,
        processor: Processor,
        decoder: Mapper,
        hidden: Nodes,
        variables: Sequence[str],
        forcings: Sequence[str],
        statistics: ModelStatistics,
        input_steps: int,
    ) -> None:
        super().__init__()
        self.encoder, self.processor, self.decoder = encoder, processor, decoder
        self.variables, self.forcings = tuple(variables), tuple(forcings)
        self.input_steps = input_steps
        # Not part of the weights: a checkpoint keeps the statistics and the graph by themselves.
        self.register_buffer("mean", statistics.mean, persistent=False)
        self.register_buffer("stdev", statistics.stdev, persistent=False)
        self.register_buffer("tendency_scale", statistics.tendency_stdev / statistics.stdev, persistent=False)
        self.register_buffer("hidden_features", hidden.positions.float(), persistent=False)

    @staticmethod
    def channels_in(variables: Sequence[str], forcings: Sequence[str], input_steps: int) -> int:
        """How many features a data node has on the way in."""
        return len(variables) * input_steps + len(forcings)

    def forward(self, states: Tensor, forcings: Tensor) -> Tensor:
        """Predict the next state.

        Parameters
        ----------
        states
            ``(batch, input_steps, ensemble, grid, variable)``, normalised, oldest first.
        forcings
            ``(batch, grid, forcing)``, at the time of the last state.

        Returns
        -------
        Tensor
            ``(batch, ensemble, grid, variable)``, normalised.
        """
        batch, steps, members, grid, variables = states.shape
        changes = (
            states.diff(dim=1) / self.tendency_scale
        )  # (batch, input_steps - 1, ensemble, grid, variable)
        known = torch.cat([changes, states[:, -1:]], dim=1).permute(0, 2, 3, 1, 4)
        data = torch.cat(
            [
                known.reshape(batch * members, grid, steps * variables),
                forcings.repeat_interleave(members, dim=0),
            ],
            dim=-1,
        )  # (batch x ensemble, grid, features)
        hidden = self.hidden_features.expand(batch * members, -1, -1)  # (batch x ensemble, hidden, 3)
        latent = self.processor(self.encoder(data, hidden))  # (batch x ensemble, hidden, channels)
        tendency: Tensor = self.decoder(latent, data)  # (batch x ensemble, grid, variable)
        return states[:, -1] + self.tendency_scale * tendency.reshape(batch, members, grid, variables)

    def normalise(self, state: Tensor) -> Tensor:
        """Physical units to normalised, on the last axis ``(..., variable)``."""
        return (state - self.mean) / self.stdev

    def denormalise(self, state: Tensor) -> Tensor:
        """Normalised to physical units, on the last axis ``(..., variable)``."""
        return state * self.stdev + self.mean
