"""Components of the kind ``edge_builder``."""
