"""Coupled forecasts of several checkpoints for Anemoi: each hears the others."""
