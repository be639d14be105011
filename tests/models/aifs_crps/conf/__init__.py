"""What ``objective=ensemble`` stands for."""
