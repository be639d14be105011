"""What a component may say about checkpoints that were made with other versions of it."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class ReadsCheckpoints(Protocol):
    """A component that says which versions' checkpoints it reads.

    One that says nothing reads those of its own minor release: 0.2.3 reads what 0.2.0 to 0.2.9 made. A later
    minor release that builds the same function from the same weights says so, and a checkpoint then outlives
    the upgrade::

        class Transformer(Processor):
            reads_checkpoints = ">=0.2,<0.4"

    Weights that have other names since are no obstacle: a module takes the old ones in
    ``_load_from_state_dict``, as any of torch does.
    """

    reads_checkpoints: ClassVar[str]
    """A range of versions of its distribution, as a requirement has it; its own version is always read."""
