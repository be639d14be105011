"""A U-Net (Ronneberger et al. 2015) that knows nothing of Anemoi."""

import torch
from torch import nn


class UNet(nn.Module):
    """Images ``(batch, channels, height, width)`` to images of the same size."""

    def __init__(self, in_channels, out_channels, width=8):
        super().__init__()
        self.enter = nn.Conv2d(in_channels, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.deep = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.leave = nn.Conv2d(2 * width, out_channels, 3, padding=1)

    def forward(self, image):
        wide = torch.relu(self.enter(image))
        deep = torch.relu(self.deep(torch.relu(self.down(wide))))
        return self.leave(torch.cat([wide, torch.relu(self.up(deep))], dim=1))
