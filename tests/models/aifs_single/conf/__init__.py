"""What ``+experiment=aifs-of-waves`` stands for."""
