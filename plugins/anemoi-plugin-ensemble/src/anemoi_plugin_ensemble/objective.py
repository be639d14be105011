"""The objective ``ensemble``: members that differ by noise, trained together by a score over members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.model import Fields
from anemoi.core.objectives import Rollout
from pydantic import Field
from torch import Tensor

from .noise import SphericalNoise, spectrum_of

if TYPE_CHECKING:
    from anemoi.core.graph import Nodes
    from anemoi.core.model import ForecastModel

Count = Annotated[int, Field(ge=1)]


class Ensemble(Rollout):
    """A rollout of several members, each conditioned on random numbers of its own at every step.

    A score over members, ``loss=crps``, trains them to be as far apart as they are from the truth. Noise is
    either one vector for each member, which conditions all layers, as in FGN (Alet et al., "Skillful joint
    probabilistic weather forecasting from marginals", arXiv:2506.10772, 2025), or a field on the hidden
    nodes, which conditions the processor, as in AIFS-CRPS (Lang et al., arXiv:2412.15832, 2024).

    Parameters
    ----------
    input_steps, output_steps, lead_time
        As of the rollout.
    members
        How many are trained at a time, two or more; a forecast has as many as its user asks for.
    noise_channels
        How many random numbers each member is conditioned on, or each of its hidden nodes.
    noise
        ``global``: one vector for each member; ``nodes``: a field on the hidden nodes.
    spectrum
        Of noise on nodes. ``white``: the numbers of all nodes are independent; a length, ``500km``: they are
        alike at less than that; or the power of each degree from 0.

    Raises
    ------
    ConfigError
        If there are fewer than two members, or ``spectrum`` is none, or given for global noise.
    """

    stochastic = True

    def __init__(
        self,
        *,
        input_steps: Count = 2,
        output_steps: Count = 1,
        lead_time: str | None = None,
        members: int = 2,
        noise_channels: Count = 32,
        noise: Literal["global", "nodes"] = "global",
        spectrum: str | Sequence[float] = "white",
    ) -> None:
        super().__init__(input_steps=input_steps, output_steps=output_steps, lead_time=lead_time)
        self.check_options(members=members, noise=noise, spectrum=spectrum)
        self.trained_members, self.noise_channels = members, noise_channels
        self.noise, self.spectrum = noise, spectrum
        self._sphere: tuple[Nodes, SphericalNoise] | None = None

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        if (members := options.get("members", 2)) < 2:
            raise ConfigError(
                f"members: {members} is trained at a time, and the spread of so few has no score.",
                fix="Choose two or more, or train one forecast: objective=rollout loss=mse",
            )
        if (spectrum := options.get("spectrum", "white")) == "white":
            return
        if options.get("noise", "global") == "global":
            raise ConfigError(
                f"spectrum: {spectrum} is that of noise on nodes, but here a member has one vector.",
                fix="Choose objective.noise=nodes, or leave the spectrum out.",
            )
        spectrum_of(spectrum)

    @property
    def condition_channels(self) -> int:
        """See :meth:`anemoi.core.interfaces.objective.Objective.condition_channels`."""
        return self.noise_channels

    @property
    def condition_on_nodes(self) -> bool:
        """See :meth:`anemoi.core.interfaces.objective.Objective.condition_on_nodes`."""
        return self.noise == "nodes"

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        fields = next(iter(inputs.values()))  # (batch, time in, ensemble, grid, inputs)
        shape = model.condition_shape(fields.shape[0], fields.shape[2])
        assert shape is not None  # there are noise_channels
        if self.spectrum == "white":
            noise = torch.randn(shape, generator=generator, device=generator.device)
        else:
            batch, members, nodes, channels = shape
            sphere = self._on(model.network.condition_nodes, generator.device)
            drawn = sphere.draw(generator, batch * members * channels)
            noise = drawn.view(nodes, batch, members, channels).movedim(0, 2)
        outputs: dict[str, Tensor] = model(inputs, noise.to(fields))
        return outputs

    def _on(self, nodes: Nodes, device: torch.device) -> SphericalNoise:
        """What draws noise on these nodes; made once, for that takes a second or two."""
        if self._sphere is None or self._sphere[0] is not nodes or self._sphere[1].device != device:
            powers = spectrum_of(self.spectrum)
            noise = SphericalNoise(nodes.latitudes, nodes.longitudes, powers, device=device)
            self._sphere = nodes, noise
        return self._sphere[1]
