"""Components of the kind ``edge_attribute``."""
