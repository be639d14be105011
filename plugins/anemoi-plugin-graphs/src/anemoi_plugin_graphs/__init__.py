"""Graph builders for Anemoi."""

from __future__ import annotations

from .icosahedral import IcosahedralGraph

__all__ = ["IcosahedralGraph"]
