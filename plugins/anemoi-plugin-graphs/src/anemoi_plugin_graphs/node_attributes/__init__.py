"""Components of the kind ``node_attribute``."""
