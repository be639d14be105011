"""New plugins from the template, and plugins kept in step with it, on top of cruft."""

from __future__ import annotations

from ._source import source
from .create import create, render
from .update import outdated, update

__all__ = ["create", "outdated", "render", "source", "update"]
