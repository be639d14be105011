"""What ``data=coupled`` stands for."""
