"""What a training begins with, as its configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from anemoi.core.checkpoint import Checkpoint, inspect, load
from anemoi.core.config import Spec
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.model import ForecastModel

from .. import state
from ..saving import CHECKPOINT, STATE, saved
from ..settings import StartSettings
from .beginning import KEY, Beginning, begin


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a training begins with.

    Parameters
    ----------
    settings
        What becomes of whatever does not fit.
    checkpoint
        With whose weights; None with fresh ones, or with those of its own last state.
    parents
        What it descends from, for its provenance.
    """

    settings: StartSettings
    checkpoint: Checkpoint | None = None
    parents: Sequence[dict[str, Any]] = field(default=())

    @classmethod
    def find(cls, settings: StartSettings, run: Path | None) -> Start:
        """Read the checkpoint that a training begins from.

        Parameters
        ----------
        run
            The directory of a run that goes on: if it has saved a state, the checkpoint may be gone.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        ConfigError
            If something is chosen of no checkpoint.
        """
        if settings.checkpoint is None:
            if settings != StartSettings():
                raise ConfigError(
                    f"{KEY}: something is chosen of a checkpoint, and there is none.",
                    fix="Give one: anemoi train --from CHECKPOINT",
                )
            return cls(settings=settings)
        if run is not None and (own := saved(run)):
            descent = inspect(own[-1][1] / CHECKPOINT).document["provenance"]["parents"]
            return cls(settings=settings, parents=[each for each in descent if each["kind"] == "checkpoint"])
        checkpoint = load(settings.checkpoint)
        return cls(settings=settings, checkpoint=checkpoint, parents=[checkpoint.as_parent()])

    def begin(
        self, model: ForecastModel, graph: Graph | None, *, device: torch.device, trust_code: bool = False
    ) -> Beginning | None:
        """Give the model its weights; see :func:`.begin`."""
        if self.checkpoint is None:
            return None
        return begin(model, graph, self.checkpoint, self.settings, device=device, trust_code=trust_code)

    def optimiser_states(
        self, beginning: Beginning | None, optimiser: Spec
    ) -> Sequence[Mapping[str, Any]] | None:
        """What the optimisers of the checkpoint knew, if that is kept.

        Parameters
        ----------
        beginning
            What was taken of the weights.
        optimiser
            That of the training.

        Raises
        ------
        ConfigError
            If the optimiser is another, not all weights were taken as they were, or there is no state beside
            the checkpoint.
        """
        if self.checkpoint is None or beginning is None or self.settings.optimiser == "fresh":
            return None
        assert self.checkpoint.path is not None  # it was read
        path = self.checkpoint.path.with_name(STATE)
        if not beginning.whole:
            raise ConfigError(
                f"{KEY}.optimiser: what it knows is of other weights: {beginning}.",
                fix=f"Choose {KEY}.optimiser=fresh.",
            )
        before = self.checkpoint.configuration.get("optimiser", {}).get("name")
        if before != optimiser.get("name"):
            raise ConfigError(
                f"{KEY}.optimiser: the checkpoint was trained by {before}, not by {optimiser.get('name')}.",
                fix=f"Choose optimiser={before}, or {KEY}.optimiser=fresh.",
            )
        if not path.exists():
            raise ConfigError(
                f"{KEY}.optimiser: there is no {STATE} beside {self.checkpoint.path}.",
                fix="Begin from one in the directory `checkpoints` of a run, or choose "
                f"{KEY}.optimiser=fresh.",
            )
        states: Sequence[Mapping[str, Any]] = state.read(path)["optimisation"]["descent"]["optimisers"]
        return states
