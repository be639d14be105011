"""What a checkpoint says of itself, for the tools of anemoi-utils and anemoi-inference."""

from .metadata import export_metadata, metadata

__all__ = ["export_metadata", "metadata"]
