"""What a component may declare about itself beyond what its kind promises."""

from __future__ import annotations

from enum import Enum


class Capability(str, Enum):
    """One thing that the class attribute ``capabilities`` of a component may declare.

    What is declared is checked by ``anemoi plugins check``; what is not declared is not asked for.
    """

    COMPILE = "compile"
    """A layer that ``torch.compile`` takes in one piece, without falling back to Python."""

    EXPORT = "export"
    """A layer that ``torch.export`` takes."""

    LINEAR_MEMORY = "linear_memory"
    """A layer whose memory grows no faster than the number of edges, at a fixed number for each node."""

    CONDITION = "condition"
    """A layer that can be conditioned, on as many numbers as its option ``condition_channels`` says (0)."""

    NODE_CONDITION = "node_condition"
    """A model or processor, conditioned, that can be given other numbers at each hidden node."""

    ROTATION_INVARIANT = "rotation_invariant"
    """A graph builder whose edges turn with the grid when that is turned about the axis of the Earth."""

    NORMALISED_ATTRIBUTES = "normalised_attributes"
    """A graph builder whose edge attributes all lie within [-1, 1]."""

    UNFED_HIDDEN_NODES = "unfed_hidden_nodes"
    """A graph builder that may leave hidden nodes without an edge from the data."""
