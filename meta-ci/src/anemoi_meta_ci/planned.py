"""A cell, and what would be installed in it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from .cells import Cell
from .resolve import Lock
from .wheels import Wheel, tree_hash


@dataclass(frozen=True)
class Planned:
    """A cell, and what would be installed in it; or why it cannot be.

    Parameters
    ----------
    cell
        The cell.
    wheels
        Of ours, core first, what is proved last.
    locks
        What is installed: at the start, and later in the cell (for a plugin's own tests, or to read an
        older checkpoint).
    conformance
        What is installed for the stage of that name, where the kit is a distribution of its own.
    folders
        Further folders of wheels to install from.
    unsatisfiable
        The resolver's own sentence, if the cell is declared incompatible.
    impossible
        Why the cell is red before it is run: there is no wheel, an index cannot be read, or what is managed
        does not go together.
    log
        What a tool printed about that.
    """

    cell: Cell
    wheels: tuple[Wheel, ...] = ()
    locks: tuple[Lock, ...] = ()
    conformance: Lock | None = None
    folders: tuple[Path, ...] = ()
    unsatisfiable: str = ""
    impossible: str = ""
    log: str = ""

    @functools.cached_property
    def source_hash(self) -> str:
        """Of the plugin's folder, whose tests are run and are no part of its wheel."""
        source = self.wheels[-1].source if self.wheels and self.cell.kind == "plugin" else None
        return tree_hash(source) if source is not None else ""
