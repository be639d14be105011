"""What authors of layers share: building blocks with the options that users know, named once.

Nothing here is a component, and nothing in core uses it. A processor or a mapper that is made of these
takes the same options under the same names as every other, and says the same when one is wrong.
"""

from .chunks import check_chunks, run_in_chunks
from .edge_features import edge_features
from .heads import head_channels, join_heads, split_heads
from .mlp import MLP, Activation, FeedForward, MLPImplementation, hidden_channels
from .normalisation import Norm, Normalisation, check_condition
from .normed_linear import affine, normed_linear
from .residual_mlp import add_mlp
from .trainable import TrainableFeatures

__all__ = [
    "MLP",
    "Activation",
    "FeedForward",
    "MLPImplementation",
    "Norm",
    "Normalisation",
    "TrainableFeatures",
    "add_mlp",
    "affine",
    "check_chunks",
    "check_condition",
    "edge_features",
    "head_channels",
    "hidden_channels",
    "join_heads",
    "normed_linear",
    "run_in_chunks",
    "split_heads",
]
