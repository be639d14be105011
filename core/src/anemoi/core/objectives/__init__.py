"""The objectives that come with the core."""

from .rollout import Rollout

__all__ = ["Rollout"]
