"""Diffusion and stochastic interpolants for Anemoi: forecasts sampled from noise."""
