"""A limited-area model whose rim follows another model at every step (as Neural-LAM, Oskarsson et al. 2023)."""
