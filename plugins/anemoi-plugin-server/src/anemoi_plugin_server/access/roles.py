"""What users may do."""

from __future__ import annotations

import enum


class Role(enum.IntEnum):
    """What a user may do; each includes those before it."""

    VIEW = 1
    RUN = 2
    ADMINISTRATE = 3
