"""From anemoi-graphs and back: its recipes, and graphs as HeteroData of torch-geometric."""
