"""The source ``subset``: a part of any other source."""

from __future__ import annotations

from typing import Annotated, Any

from anemoi.core.config import Component, Spec

from .agreement import opened
from .selection import Selection


class SubsetSource(Selection):
    """A part of any source, by the options that ``zarr`` has.

    Parameters
    ----------
    source
        The source, with its own name and options.
    """

    def __init__(self, *, source: Annotated[Spec, Component("source")], **options: Any) -> None:
        super().__init__(opened("subset", [source])[0], **options)
