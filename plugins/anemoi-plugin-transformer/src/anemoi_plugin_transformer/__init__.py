"""Transformer layers for Anemoi: a sliding-window processor and a graph-attention mapper."""
