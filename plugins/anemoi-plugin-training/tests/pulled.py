"""A network and a loss of it in which no member is alone."""

import torch
from torch import nn


class Linear(nn.Module):
    """A network of one number in and out of each point."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(6, 6)

    def forward(self, fields, condition=None):
        return {
            "data": fields["data"]
            + self.linear(fields["data"].squeeze(-1) * condition[:, None]).unsqueeze(-1)
        }


def samples():
    """``(batch, time, ensemble, grid, inputs)``."""
    return torch.linspace(-1, 1, 2 * 4 * 6).sin().view(2, 1, 4, 6, 1)


def loss_of(network, fields):
    """The squares of two steps, between which members are pulled together: no member is alone."""
    condition = torch.linspace(0.5, 1.5, 24).view(1, 4, 6).expand(len(fields), -1, -1)
    first = network({"data": fields}, condition)["data"]
    second = network({"data": first * first.mean(2, keepdim=True)}, condition=condition)["data"]
    return (first[:, :, :1] - second.std(2, keepdim=True)).square().mean()
