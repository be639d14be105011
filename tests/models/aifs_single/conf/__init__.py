"""What ``+experiment=aifs-single`` stands for."""
