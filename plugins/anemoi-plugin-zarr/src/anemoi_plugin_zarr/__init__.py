"""Reads and writes data in the anemoi-datasets Zarr layout."""

from __future__ import annotations

from .output import ZarrOutput
from .source import ZarrSource

__all__ = ["ZarrOutput", "ZarrSource"]
