"""Which of several processes this is, started by ``torchrun`` or SLURM's ``srun``. Imports no torch."""

from __future__ import annotations

import os
from typing import Literal


def launcher() -> Literal["torchrun", "srun"] | None:
    """What has started this process as one of several; None if nothing has.

    The script of a batch job is no task of ``srun``, whatever the job has asked for.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return "torchrun"
    return "srun" if _number("SLURM_STEP_NUM_TASKS", 1) > 1 else None


def rank() -> int:
    """Which process this is, counted from zero: the first one writes and tells."""
    return _of_launcher({"torchrun": "RANK", "srun": "SLURM_PROCID"}, 0)


def world() -> int:
    """How many train together."""
    return _of_launcher({"torchrun": "WORLD_SIZE", "srun": "SLURM_STEP_NUM_TASKS"}, 1)


def local_world() -> int:
    """How many of them are on this machine; with ``srun`` as many on each."""
    if launcher() == "srun":
        return world() // _number("SLURM_STEP_NUM_NODES", 1)
    return _of_launcher({"torchrun": "LOCAL_WORLD_SIZE"}, 1)


def _of_launcher(names: dict[str, str], alone: int) -> int:
    by = launcher()
    return alone if by is None else _number(names[by], alone)


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name, otherwise))
