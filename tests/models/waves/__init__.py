"""Data for tiny models: waves that travel around a few points of the globe."""
