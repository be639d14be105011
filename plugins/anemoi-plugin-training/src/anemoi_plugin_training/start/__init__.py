"""Beginning a training with the weights of a checkpoint."""

from .beginning import Beginning
from .start import Start

__all__ = ["Beginning", "Start"]
