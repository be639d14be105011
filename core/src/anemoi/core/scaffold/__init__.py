"""New plugins from the template, and plugins kept in step with it, on top of cruft."""

from __future__ import annotations

from .create import create
from .update import outdated, update

__all__ = ["create", "outdated", "update"]
