"""A model that is no graph: waves along circles of latitude, mixed wavenumber by wavenumber."""
