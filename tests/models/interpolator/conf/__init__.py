"""What ``objective=interpolator`` stands for."""
