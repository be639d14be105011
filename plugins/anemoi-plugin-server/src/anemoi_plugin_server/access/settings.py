"""What an operator may say about users."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """The section ``access``."""
