"""What ``data=waves`` stands for."""
