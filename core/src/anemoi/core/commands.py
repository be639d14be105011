"""The commands of core, as data: each is imported when it is invoked."""

from __future__ import annotations

from typing import Final

CORE_COMMANDS: Final = {
    "checkpoint": ("anemoi.core.cli.checkpoint", "Look into a checkpoint, and at what it needs."),
    "config": ("anemoi.core.cli.config", "Show, explain and check the configuration of a run."),
    "forecast": ("anemoi.core.cli.forecast", "Make a forecast from a checkpoint."),
    "plugins": ("anemoi.core.cli.plugins", "List, explain, install and block plugins."),
    "provenance": ("anemoi.core.cli.provenance", "Show where a file comes from, and verify it."),
}
"""Each command, the module whose ``command`` it is, and its line in the help."""

OPEN_GROUPS: Final = {
    "checkpoint": ("inspect", "requirements"),
    "plugins": ("allow", "block", "doctor", "info", "install", "list", "requirements", "why"),
}
"""The commands that plugins add to, each with its own, which no plugin can replace."""


def is_reserved(name: str) -> bool:
    """Whether a command of core has this name, ``forecast`` or ``plugins.list``."""
    group, _, last = name.rpartition(".")
    return last in OPEN_GROUPS.get(group, ()) if group else name in CORE_COMMANDS
