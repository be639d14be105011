"""Components of the kind ``command``."""
