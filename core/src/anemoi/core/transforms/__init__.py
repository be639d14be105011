"""The transforms that come with the core, and the chain that data go through on their way to a network."""

from ._after import domain_after
from .bounding import Bounding
from .chain import Chain, Measured, build_chain, measured
from .imputer import Imputer
from .normaliser import Normaliser
from .remapper import Remapper

__all__ = [
    "Bounding",
    "Chain",
    "Imputer",
    "Measured",
    "Normaliser",
    "Remapper",
    "build_chain",
    "domain_after",
    "measured",
]
