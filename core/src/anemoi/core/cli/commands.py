"""The commands of the core, as data: each is imported when it is invoked."""

from __future__ import annotations

from typing import Final

CORE_COMMANDS: Final = {
    "checkpoint": ("anemoi.core.cli.checkpoint", "Look into a checkpoint, and at what it needs."),
    "config": ("anemoi.core.cli.config", "Show, explain and check the configuration of a run."),
    "forecast": ("anemoi.core.cli.forecast", "Make a forecast from a checkpoint."),
    "plugins": ("anemoi.core.cli.plugins", "List, explain, check and block the plugins installed here."),
    "provenance": ("anemoi.core.cli.provenance", "Show where a file comes from, and verify it."),
    "runs": ("anemoi.core.cli.runs", "List, show and compare the runs that lie here."),
}
"""Each command, the module whose ``command`` it is, and its line in the help."""
