"""A layer of a spherical Fourier neural operator: a convolution on the sphere, then an MLP at each point."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from .harmonics import SphericalHarmonics

Normalisation = Literal["instance_norm", "layer_norm", "none"]


class SpectralConvolution(nn.Module):
    """A convolution with kernels on the sphere: one matrix for each degree, the same for all of its orders.

    That is the convolution theorem of Driscoll and Healy ("Computing Fourier transforms and convolutions on
    the 2-sphere", 1994), on which the SFNO is built. With complex weights a kernel may also shift what it
    passes along the circles of latitude, to the east or to the west; about the axis of the Earth everything
    still turns with the field.

    Parameters
    ----------
    channels
        How many fields come in and go out.
    harmonics
        The transform of the grid.
    """

    def __init__(self, channels: int, harmonics: SphericalHarmonics) -> None:
        super().__init__()
        self.harmonics = harmonics
        # The last axis: real and imaginary part. Together they keep the variance of the coefficients.
        weights = torch.randn(harmonics.degrees, channels, channels, 2) / sqrt(2 * channels)
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x
            ``(batch, rows, columns, channels)``.

        Returns
        -------
        Tensor
            Of the same shape, without degrees beyond the truncation.
        """
        coefficients = self.harmonics.analyse(x)  # (batch, degrees, orders, channels)
        weights = torch.view_as_complex(self.weights.to(coefficients.real.dtype))
        return self.harmonics.synthesise(torch.einsum("blmc,lcd->blmd", coefficients, weights))


class Norm(nn.Module):
    """Normalises fields, then scales and shifts them, by learnt numbers or as the condition says.

    Parameters
    ----------
    channels
        How many fields there are.
    kind
        ``instance_norm``: each channel over the sphere, its points weighted by area; ``layer_norm``: each
        point over its channels; or ``none``.
    areas
        Of the rows, ``(rows,)``, such that they sum to one over all points.
    condition_channels
        How many numbers scale and shift depend on, linearly; at first they do not.
    """

    areas: Tensor

    def __init__(self, channels: int, kind: Normalisation, areas: Tensor, condition_channels: int) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("areas", areas[:, None, None], persistent=False)
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.modulation = None
        if condition_channels:
            self.modulation = nn.Linear(condition_channels, 2 * channels)
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Normalise.

        Parameters
        ----------
        x
            ``(batch, rows, columns, channels)``.
        condition
            ``(batch, condition_channels)``, or None.
        """
        scale, shift = self.scale, self.shift
        if self.modulation is not None and condition is not None:
            by, to = self.modulation(condition)[:, None, None].chunk(2, dim=-1)  # (batch, 1, 1, channels)
            scale, shift = scale * (1 + by), shift + to
        if self.kind == "layer_norm":
            x = nn.functional.layer_norm(x, x.shape[-1:])
        elif self.kind == "instance_norm":
            x = x - (x * self.areas).sum(dim=(1, 2), keepdim=True)
            x = x * ((x.square() * self.areas).sum(dim=(1, 2), keepdim=True) + 1e-5).rsqrt()
        return x * scale + shift


class Block(nn.Module):
    """Convolution beside a linear map at each point, then an MLP at each point, added to the state.

    Parameters
    ----------
    channels, hidden
        Of the state, and within the MLP.
    harmonics
        The transform of the grid.
    normalisation
        Before the convolution and before the MLP.
    condition_channels
        What scale and shift after normalisation depend on.
    """

    def __init__(
        self,
        *,
        channels: int,
        hidden: int,
        harmonics: SphericalHarmonics,
        normalisation: Normalisation,
        condition_channels: int,
    ) -> None:
        super().__init__()
        areas = harmonics.weights / (harmonics.weights.sum() * harmonics.shape[1])
        self.first = Norm(channels, normalisation, areas, condition_channels)
        self.convolution = SpectralConvolution(channels, harmonics)
        self.pointwise = nn.Linear(channels, channels)
        self.second = Norm(channels, normalisation, areas, condition_channels)
        self.mlp = mlp(channels, hidden, channels)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Take the state ``(batch, rows, columns, channels)`` one layer on."""
        y = self.first(x, condition)
        y = gelu(self.convolution(y) + self.pointwise(y))
        return x + self.mlp(self.second(y, condition))  # type: ignore[no-any-return]


def mlp(channels_in: int, hidden: int, channels_out: int) -> nn.Sequential:
    """Two linear maps at each point with a GELU in between."""
    return nn.Sequential(nn.Linear(channels_in, hidden), nn.GELU(), nn.Linear(hidden, channels_out))
