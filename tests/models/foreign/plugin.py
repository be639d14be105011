"""A model that is any network for images, and a kind for those."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

from anemoi.core.config import Builder, Component
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Model
from anemoi.core.plugins import Kind
from torch import nn

from .unet import UNet

IMAGE_NETWORK = Kind(name="image_network", interface="foreign.plugin:ImageNetwork")


class ImageNetwork(nn.Module, ABC):
    """Takes images ``(batch, in_channels, height, width)`` to ``(batch, out_channels, height, width)``."""

    @abstractmethod
    def __init__(self, *, in_channels, out_channels) -> None:
        super().__init__()


class UNetNetwork(ImageNetwork):
    """A U-Net as it is published elsewhere.

    Parameters
    ----------
    in_channels, out_channels
        As for every image network.
    width
        How many channels its first level has.
    """

    def __init__(self, *, in_channels, out_channels, width: int = 8) -> None:
        super().__init__(in_channels=in_channels, out_channels=out_channels)
        self.network = UNet(in_channels, out_channels, width)

    def forward(self, image):
        return self.network(image)


class Image(Model):
    """The inputs of all times as the channels of one image; a prognostic output is its last input and a change.

    Parameters
    ----------
    domains, graph, steps, condition_channels
        As for every model; one domain, on a regular grid.
    network
        Takes one image to the other.
    """

    needs_graph = False

    def __init__(
        self,
        *,
        domains,
        graph,
        steps,
        condition_channels=0,
        network: Annotated[Builder, Component("image_network")],
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        ((self.name, domain),) = domains.items()
        if domain.grid.axes is None:
            raise ConfigError("The model image needs a regular grid.", fix="Interpolate the data to one.")
        self.shape = tuple(len(axis) for axis in domain.grid.axes)  # (latitudes, longitudes)
        self.times, self.outputs = len(steps[self.name].outputs), len(domain.outputs)
        self.from_inputs = [domain.inputs.index(name) for name in domain.prognostic]
        self.to_outputs = [domain.outputs.index(name) for name in domain.prognostic]
        self.network = network(
            in_channels=len(domain.inputs) * len(steps[self.name].inputs),
            out_channels=self.outputs * self.times,
        )

    def forward(self, fields, condition=None):
        x = fields[self.name]  # (batch, time, ensemble, grid, inputs)
        image = x.permute(0, 2, 1, 4, 3).flatten(2, 3).flatten(0, 1).unflatten(-1, self.shape)
        changes = self.network(image).flatten(2)  # (batch x ensemble, time x outputs, grid)
        changes = changes.unflatten(0, (x.shape[0], x.shape[2])).unflatten(2, (self.times, self.outputs))
        states = changes.permute(0, 2, 1, 4, 3).clone()  # (batch, time, ensemble, grid, outputs)
        states[..., self.to_outputs] += x[:, -1:][..., self.from_inputs]
        return {self.name: states}
