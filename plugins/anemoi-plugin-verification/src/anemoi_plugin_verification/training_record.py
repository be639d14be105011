"""What the tracker ``jsonl`` has recorded of the training of a checkpoint: see docs/runs.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from anemoi.core.errors import DataError

from .metric import Array

METRICS: Final = "metrics.jsonl"


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """Losses and learning rates along a training.

    Parameters
    ----------
    steps, losses, rates
        Of each optimisation step, ``(steps,)``.
    validated, validation_losses
        Of each validation, ``(validations,)``; empty if there was none.
    """

    steps: Array
    losses: Array
    rates: Array
    validated: Array
    validation_losses: Array

    @property
    def best(self) -> int | None:
        """The step of the lowest validation loss, that of ``best.safetensors``; None without a validation."""
        if not len(self.validated):
            return None
        return int(self.validated[self.validation_losses.argmin()])

    @classmethod
    def beside(cls, checkpoint: Path | None) -> TrainingRecord:
        """Read the record that lies beside a checkpoint.

        Raises
        ------
        DataError
            If there is none, or it is damaged.
        """
        path = None if checkpoint is None else checkpoint.parent / METRICS
        if path is None or not path.is_file():
            raise DataError(f"there is no {METRICS} beside the checkpoint")
        try:
            # A run that is training now may be in the middle of its last line.
            whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
            lines = [json.loads(line) for line in whole]
            trained = [(line["step"], line["loss"], line["learning_rate"]) for line in lines]
            validated = [
                (line["step"], line["validation_loss"]) for line in lines if "validation_loss" in line
            ]
            columns = np.array(trained, float).reshape(-1, 3).T, np.array(validated, float).reshape(-1, 2).T
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged: {error!r}") from error
        if not trained:
            raise DataError(f"{path} has no step yet")
        return cls(*columns[0], *columns[1])
