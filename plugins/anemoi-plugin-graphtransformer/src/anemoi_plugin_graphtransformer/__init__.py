"""Graph transformer layers for Anemoi: attention along the edges of a graph, for processors and mappers."""
