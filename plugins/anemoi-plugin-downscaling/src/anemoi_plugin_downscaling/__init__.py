"""Downscaling for Anemoi in time and in space: states between known ones, fine fields from coarse ones."""
