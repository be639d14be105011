"""Components of the kind ``node_builder``."""
