"""What ``model=image`` stands for."""
