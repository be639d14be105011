"""States between two states, as in Anemoi's temporal downscaling (Nipen et al. 2024)."""
