"""Spherical Fourier neural operators for Anemoi: a forecast model on regular and Gaussian grids."""
