"""The configuration of a training that was begun before: to repeat it, or to go on with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from anemoi.core import config
from anemoi.core.checkpoint import inspect
from anemoi.core.config import Composition
from anemoi.core.config.composition import leaves
from anemoi.core.errors import ConfigError
from anemoi.core.secrets import MASK, masked

from .directory import CONFIGURATION, check_directory

PRIMARY = "train"
"""The name of the configuration of a training."""

_MAY_CHANGE = (
    "trackers",
    "training.checkpoint",
    "training.device",
    "training.time_limit",
    "training.workers",
)
"""What of a configuration may differ when a run goes on: nothing that its numbers depend on."""


def recorded(checkpoint: Path, overrides: Sequence[str] = (), *, trust_code: bool = False) -> Composition:
    """Take up the configuration that a checkpoint was trained with, so that the run can be repeated exactly.

    Parameters
    ----------
    checkpoint
        The file.
    overrides
        What to change of it.
    trust_code
        Whether code that it names by ``_target_`` may run.
    """
    document = inspect(checkpoint).document
    record = {
        "primary": PRIMARY,
        "overrides": document["overrides"],
        "values": document["configuration"],
    }
    return config.override(Composition.from_dict(record, trust_code=trust_code), overrides)


def interrupted(directory: Path, overrides: Sequence[str] = (), *, trust_code: bool = False) -> Composition:
    """Take up the configuration of the run in a directory, to go on with it.

    Parameters
    ----------
    directory
        That of the run.
    overrides
        What to change of it: trackers, the device, how it is saved, when it must leave.
    trust_code
        Whether code that it names by ``_target_`` may run.

    Raises
    ------
    AnemoiError
        If there is no run, it has finished, or an override changes what is trained, or a password is missing.
    """
    check_directory(directory, resume=True)
    try:
        record = json.loads((directory / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{directory / CONFIGURATION} cannot be read: {error}") from error
    composition = Composition.from_dict(record, trust_code=trust_code)
    changed = config.override(composition, overrides)
    before, after = (dict(leaves(masked(each.recorded))) for each in (composition, changed))
    for key, value in leaves(changed.values):
        if f"//{MASK}@" in str(value):
            raise ConfigError(
                f"{key}: the user and the password of its URL are not recorded.",
                fix=f"Give it again: {key}=URL. References to the environment, ${{oc.env:NAME}}, are.",
            )
    for key in {**before, **after}:
        if before.get(key) != after.get(key) and not key.startswith(_MAY_CHANGE):
            raise ConfigError(
                f"{key} cannot change when a run goes on.",
                fix=f"What can: {', '.join(_MAY_CHANGE)}. For anything else begin another run.",
            )
    return changed
