"""Where an artefact comes from: its parents by identity, when, by which command and with what plugins."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .plugins import used
from .secrets import masked

_RUNTIME = ("anemoi-core", "torch", "numpy")


def provenance(
    *, parents: Iterable[Mapping[str, Any]], command: str | None = None, **facts: Any
) -> dict[str, Any]:
    """Make the provenance of an artefact that is being made now, as JSON.

    Parameters
    ----------
    parents
        The provenance of what it was made from, each with its ``identity`` and, where it is known,
        its ``kind`` (``dataset``, ``checkpoint``) and its own parents: so the line back to the
        data is whole in every artefact, without the files of those before it.
    command
        What made it; this process's own command line if it is None.
    facts
        What else is known: ``identity``, ``kind``, ``training_period``, ...

    Returns
    -------
    dict
        ``parents``, ``created`` (UTC), ``command`` with its overrides, ``versions``, ``plugins`` (what
        exactly each component is that this process has loaded), and ``facts``. Users and passwords in
        URLs are masked.
    """
    made = {
        **facts,
        "parents": [dict(parent) for parent in parents],
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command if command is not None else shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _RUNTIME}},
        "plugins": used(),
    }
    return {name: masked(value) for name, value in made.items()}
