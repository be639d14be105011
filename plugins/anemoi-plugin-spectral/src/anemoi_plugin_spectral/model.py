"""The spherical Fourier neural operator as a forecast model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.model import Fields, Model
from anemoi.core.steps import Steps
from annotated_types import Ge, Gt
from torch import Tensor, nn

from .block import Block, Normalisation, mlp
from .harmonics import SphericalHarmonics
from .rows import Rows


class SFNO(Model):
    """A spherical Fourier neural operator, for one domain on a full Gaussian or an equiangular grid.

    Bonev et al., "Spherical Fourier neural operators: learning stable dynamics on the sphere", ICML 2023.
    An MLP at each point embeds the inputs; blocks convolve on the whole sphere; an MLP at each point makes
    the outputs from the result and, once more, the inputs (the big skip). Changes, from one input to the next
    as well as predicted, are in units of their standard deviation (GraphCast, Lam et al., Science 2023): a
    prognostic output is its last input and such a change, a diagnostic one is predicted directly.

    The paper changes to the grid of the blocks within the first of them, and back within the last; here both
    are steps of their own, before and after, with no weights.

    Parameters
    ----------
    domains, graph, steps, condition_channels
        As for every :class:`~anemoi.core.interfaces.model.Model`; the graph is not looked at.
    channels
        How many fields the blocks carry.
    num_layers
        How many blocks there are.
    scale_factor
        How many times fewer rows and columns the Gaussian grid of the blocks has than the data; with 1
        they work on the grid of the data.
    mlp_ratio
        The width of the MLPs within blocks, in units of ``channels``.
    normalisation
        Within blocks: each channel over the sphere, as in the paper; each point over its channels; or none,
        with which small models learn faster.
    position_features
        Whether each point is also told where it lies, as a unit vector. Without, a forecast turns with
        its inputs about the axis of the Earth.

    Raises
    ------
    ConfigError
        If there are several domains, no outputs, a grid that has no such transform, or nothing left of it
        after ``scale_factor``.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CONDITION})
    needs_graph: ClassVar[bool] = False

    positions: Tensor
    input_scale: Tensor
    output_scale: Tensor
    prognostic_in: Tensor
    prognostic_out: Tensor

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        channels: Annotated[int, Ge(1)] = 32,
        num_layers: Annotated[int, Ge(1)] = 4,
        scale_factor: Annotated[int, Ge(1)] = 2,
        mlp_ratio: Annotated[float, Gt(0)] = 2.0,
        normalisation: Normalisation = "none",
        position_features: bool = True,
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        self.name, domain = _only(domains)
        self.times_in, self.times_out = len(steps[self.name].inputs), len(steps[self.name].outputs)
        if not domain.outputs or not self.times_out:
            raise ConfigError(f"The model sfno has nothing to forecast: {self.name} has no outputs.")
        self.condition_channels = condition_channels
        rows = Rows.of(domain.grid, self.name)
        self.shape = rows.shape
        self._register_scales(domain)
        positions = torch.from_numpy(domain.grid.positions).float().reshape(*self.shape, 3)
        self.register_buffer("positions", positions[..., : 3 * position_features], persistent=False)

        latent = self._latent(rows, scale_factor)
        degrees = min(rows.degrees, latent.degrees)
        self.data_harmonics = SphericalHarmonics(rows, degrees)
        self.harmonics = self.data_harmonics if latent is rows else SphericalHarmonics(latent, degrees)
        features = len(domain.inputs) * self.times_in + self.positions.shape[-1]
        self.encoder = mlp(features, channels, channels)
        self.blocks = nn.ModuleList(
            Block(
                channels=channels,
                hidden=max(1, round(mlp_ratio * channels)),
                harmonics=self.harmonics,
                normalisation=normalisation,
                condition_channels=condition_channels,
            )
            for _ in range(num_layers)
        )
        self.decoder = mlp(channels + features, channels, len(domain.outputs) * self.times_out)

    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.model.Model.forward`.

        Raises
        ------
        ConfigError
            If ``condition`` is not what the model was built for.
        """
        seen = 0 if condition is None else condition.shape[-1]
        if seen != self.condition_channels:
            raise ConfigError(
                f"The model sfno was built for {self.condition_channels} conditions, but was given {seen}."
            )
        if condition is not None:
            condition = condition.flatten(0, 1)  # (batch x ensemble, condition_channels)
        states = fields[self.name].transpose(1, 2)  # (batch, ensemble, time in, grid, inputs)
        batch, members = states.shape[:2]
        states = states.flatten(0, 1)  # (batch x ensemble, time in, grid, inputs)

        features = self._features(states)  # (batch x ensemble, rows, columns, features)
        latent = self._resample(self.encoder(features), self.data_harmonics, self.harmonics)
        for block in self.blocks:
            latent = block(latent, condition)  # (batch x ensemble, latent rows, latent columns, channels)
        latent = self._resample(latent, self.harmonics, self.data_harmonics)
        made = self.decoder(torch.cat([latent.type_as(features), features], dim=-1))

        made = made.reshape(batch * members, states.shape[2], self.times_out, -1).transpose(1, 2)
        made = made * self.output_scale  # (batch x ensemble, time out, grid, outputs)
        last = states[:, -1:, :, self.prognostic_in].expand(-1, self.times_out, -1, -1)
        made = made.index_add(-1, self.prognostic_out, last.type_as(made))
        return {self.name: made.unflatten(0, (batch, members)).transpose(1, 2)}

    def _features(self, states: Tensor) -> Tensor:
        """The changes, the last state and positions: ``(batch x ensemble, rows, columns, features)``."""
        changes = states.diff(dim=1) / self.input_scale  # (batch x ensemble, time in - 1, grid, inputs)
        known = torch.cat([changes, states[:, -1:]], dim=1).transpose(1, 2).flatten(2)
        known = known.reshape(len(known), *self.shape, -1)
        return torch.cat([known, self.positions.expand(len(known), -1, -1, -1)], dim=-1)

    @staticmethod
    def _resample(x: Tensor, source: SphericalHarmonics, target: SphericalHarmonics) -> Tensor:
        """Take fields from one grid to the other, without the degrees that the blocks do not carry."""
        return x if source is target else target.synthesise(source.analyse(x))

    @staticmethod
    def _latent(rows: Rows, scale_factor: int) -> Rows:
        """The grid of the blocks."""
        if scale_factor == 1:
            return rows
        latent = tuple(size // scale_factor for size in rows.shape)
        if min(latent) < 2:
            raise ConfigError(
                f"model.scale_factor is {scale_factor}, which leaves nothing of a grid of "
                f"{rows.shape[0]} rows and {rows.columns} columns.",
                fix=f"Take at most {min(rows.shape) // 2}.",
            )
        return Rows.gaussian(*latent)

    def _register_scales(self, domain: Domain) -> None:
        """Keep the scales of changes, and where prognostic variables come in and go out."""
        changes = dict(zip(domain.names, domain.changes.stdev, strict=True))

        def scale(name: str) -> float:
            # A forcing comes in, and a diagnostic variable goes out, as the value itself.
            known = changes[name] if name in domain.prognostic else 1.0
            return float(known) if np.isfinite(known) and known > 0 else 1.0

        for name, values in (
            ("input_scale", torch.tensor([scale(name) for name in domain.inputs])),
            ("output_scale", torch.tensor([scale(name) for name in domain.outputs])),
            ("prognostic_in", torch.tensor([domain.inputs.index(name) for name in domain.prognostic]).long()),
            (
                "prognostic_out",
                torch.tensor([domain.outputs.index(name) for name in domain.prognostic]).long(),
            ),
        ):
            self.register_buffer(name, values, persistent=False)


def _only(domains: Mapping[str, Domain]) -> tuple[str, Domain]:
    if len(domains) != 1:
        raise ConfigError(
            f"The model sfno takes one domain, but there are {len(domains)}: {', '.join(domains)}.",
            fix="Train on one of them, or choose a model that is built on a graph.",
        )
    return next(iter(domains.items()))
