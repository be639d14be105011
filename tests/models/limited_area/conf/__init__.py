"""What ``objective=limited-area`` stands for."""
