"""The configuration that files for ``anemoi forecast --couple`` are laid over."""

from ..suite import CoupledSuite

SETTINGS = {"couple": CoupledSuite}
