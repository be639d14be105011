"""What ``model=spectral`` stands for."""
