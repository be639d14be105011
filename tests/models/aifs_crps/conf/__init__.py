"""What ``objective=noisy-members`` stands for."""
