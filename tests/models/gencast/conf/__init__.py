"""What ``objective=diffusion`` stands for."""
