"""The configuration that ``anemoi train`` begins with, and the groups of this plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..settings import Settings

if TYPE_CHECKING:
    from anemoi.core.config import Composition

SETTINGS = {"train": Settings}


def _rehearse(composition: Composition) -> None:
    from ..preparation import rehearse  # brings torch, which composing does without

    rehearse(composition)


REHEARSALS = {"train": _rehearse}
