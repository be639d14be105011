"""New plugins from the template, and plugins kept in step with it, on top of cruft."""

from __future__ import annotations

from ._kind_files import facts, scaffold
from ._render import render
from ._source import kinds_of_template, source
from .add import add
from .create import create
from .update import outdated, update

__all__ = [
    "add",
    "create",
    "facts",
    "kinds_of_template",
    "outdated",
    "render",
    "scaffold",
    "source",
    "update",
]
