"""Hierarchical models for Anemoi: down and up through levels of a mesh."""
