"""A training run: from a configuration to a checkpoint in a directory of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import Checkpoint
from anemoi.core.config import Composition
from anemoi.core.errors import AnemoiError
from anemoi.core.files import write_whole
from anemoi.core.model import ForecastModel
from anemoi.core.plugins import Broadcast
from anemoi.core.secrets import masked

from .calling import Callbacks
from .criterion import Criterion
from .descent import Descent, trained_of
from .directory import CONFIGURATION, check_directory, exclusive
from .domains import Data
from .engine import Engine
from .execution import Execution
from .interfaces.callback import Callback
from .interfaces.optimiser import Optimiser
from .interfaces.schedule import Schedule
from .leaving import Leaving, parse_time_limit
from .loop import Optimisation, Step, phases, steps_per_epoch
from .low_rank import LowRank, trained_numbers
from .parallelism import parallelise
from .samples import Samples
from .saving import Checkpoints
from .scores import metric_builders
from .settings import HIDDEN, Settings, TrainingSettings
from .start import Beginning
from .summary import summary_of
from .tracking import listeners
from .validation import Validation


@dataclass(frozen=True)
class Training:
    """Everything that a training needs, built and checked before its first step.

    Parameters
    ----------
    composition
        The configuration.
    settings
        The same, checked.
    data
        The domains and where they are read.
    model
        With fresh weights.
    criterion
        The training loss.
    samples
        The training period as samples, for each rollout that is trained.
    optimiser, schedule
        How gradients change the weights, and at which learning rates.
    callbacks
        What looks at it between its steps, by name.
    factors
        Of the learning rate, by the names of weights.
    checkpoint
        What will be saved, but for the trained weights.
    engine
        Where it computes.
    validation, test
        The validation and the test period as samples; None without one.
    beginning
        What the weights have come from another checkpoint; None if they are fresh.
    optimiser_states
        What the optimisers know from there; None if they know nothing.
    began
        When its preparation began, by :func:`time.monotonic`: what the time limit counts from.
    """

    composition: Composition
    settings: Settings
    data: Mapping[str, Data]
    model: ForecastModel
    criterion: Criterion
    samples: Mapping[int, Samples]
    optimiser: Optimiser
    schedule: Schedule
    callbacks: Mapping[str, Callback]
    factors: Mapping[str, float]
    checkpoint: Checkpoint
    engine: Engine
    validation: Samples | None
    test: Samples | None
    beginning: Beginning | None
    optimiser_states: Sequence[Mapping[str, Any]] | None
    began: float

    @property
    def summary(self) -> str:
        """What will be trained on what, in a few lines."""
        spec = self.composition.values["model"]
        parts = {key: part.get("name", "(code)") for key, part in spec.items() if isinstance(part, dict)}
        named = ", ".join(f"{part} {name}" for part, name in parts.items()) or spec.get("name", "(code)")
        parameters = sum(each.numel() for each in self.model.parameters())
        low_rank = self.settings.training.lora
        trained = sum(trained_numbers(each, low_rank) for each in trained_of(self.model).values())
        learnt = f", {trained:,} of them trained" if trained < parameters else ""
        graph = self.checkpoint.graph
        hidden = f", {len(graph.nodes[HIDDEN]):,} hidden nodes" if graph is not None else ""
        return "\n".join(
            [
                *(summary_of(name, data) for name, data in self.data.items()),
                f"Model: {named}; {parameters:,} parameters{learnt}{hidden}",
                *([] if self.beginning is None else [f"Start: {self.beginning}"]),
                f"Training: {self.settings.training.steps} steps on {self.engine.device}",
            ]
        )

    @property
    def phases(self) -> list[tuple[int, int]]:
        """The rollouts that are trained, one after another, and for how many optimisation steps each."""
        settings = self.settings.training
        return phases(settings, steps_per_epoch(self.samples, settings, self.engine))

    def run(
        self,
        directory: Path,
        *,
        resume: bool = False,
        on_step: Callable[[int, float], None] = lambda step, loss: None,
        on_wait: Callable[[float], None] = lambda share: None,
    ) -> Path:
        """Train, and leave the record and the checkpoint in ``directory``, which is made if need be.

        Parameters
        ----------
        resume
            Whether to go on with the run that is there, from its newest state, or from the beginning if none
            was saved.
        on_step
            Told of each optimisation step, counted from one, and its loss.
        on_wait
            Told before that of the share of the step that was spent waiting for data.

        Returns
        -------
        Path
            The checkpoint.

        Raises
        ------
        InterruptedTraining
            If a signal came or the time limit was reached; the state is saved.
        AnemoiError
            If the directory has another run, the loss is not finite, a sample cannot be read, or a checkpoint
            cannot be saved.
        """
        main, settings = self.engine.rank == 0, self.settings.training
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AnemoiError(
                f"The directory {directory} cannot be made: {error.strerror or error}.",
                fix="Choose another with --output.",
            ) from error
        trackers = self.settings.trackers
        limit = None if settings.time_limit is None else parse_time_limit(settings.time_limit)
        with exclusive(directory) if main else nullcontext(), Leaving(limit, began=self.began) as leaving:
            parameters = masked({**self.composition.to_dict(), "values": self.checkpoint.configuration})
            if main:
                check_directory(directory, resume=resume)
                write_whole(directory / CONFIGURATION, (json.dumps(parameters, indent=2) + "\n").encode())
            execution = Execution(
                directory=directory,
                optimisation=self.optimisation(),
                validation=self._validation(self.validation, "validation"),
                test=self._validation(self.test, "test"),
                checkpoints=Checkpoints(
                    directory, self.checkpoint, keep=settings.checkpoint.keep, writes=main
                ),
                events=listeners(trackers, directory=directory, trust_code=self.composition.trusted)
                if main
                else Broadcast({}),
                leaving=leaving,
                steps=settings.steps,
                steps_per_epoch=steps_per_epoch(self.samples, settings, self.engine),
                saving=settings.checkpoint,
                validating=settings.validation,
                origin=_origin(self.data, self.samples),
                engine=self.engine,
            )
            if resume:
                execution.restore()

            def tell(step: Step) -> None:
                on_wait(step.waiting)
                on_step(step.number, step.loss)

            return execution.run(parameters, tell)

    def optimisation(self) -> Optimisation:
        """Bring the model to where it is trained, and make its training, before its first step."""
        settings = self.settings.training
        forward = parallelise(self.model, settings, self.engine)  # before optimisers know the weights
        descent = self._descent()
        callbacks = Callbacks(
            self.callbacks,
            model=self.model,
            optimisers=descent.optimisers,
            steps=settings.steps,
            seed=settings.seed,
        )
        return Optimisation(
            self.model, forward, self.criterion, self.samples, descent, callbacks, settings, self.engine
        )

    def _descent(self) -> Descent:
        settings, low_rank = self.settings.training, None
        if settings.lora.weights:
            low_rank = LowRank(self.model, settings.lora, seed=settings.seed)
        descent = Descent(self.model, self.optimiser, self.schedule, self.factors, low_rank)
        if self.optimiser_states is not None:
            descent.take_over(self.optimiser_states)
        return descent

    def _validation(self, samples: Samples | None, name: str) -> Validation | None:
        if samples is None:
            return None
        settings = self.settings.training
        return Validation(
            self.model,
            self.criterion,
            samples,
            dates=settings.validation.dates,
            members=settings.validation.members,
            batch_size=settings.batch_size,
            seed=settings.seed,
            engine=self.engine,
            metrics=metric_builders(self.settings.metrics, trust_code=self.composition.trusted),
            past={domain: data.times for domain, data in self.data.items()},
            name=name,
        )


def _origin(data: Mapping[str, Data], samples: Mapping[int, Samples]) -> dict[str, Any]:
    """What identifies the data of a training: what they say of themselves, and which samples they make."""
    starts = {
        str(rollout): sha256(each.starts.astype("datetime64[s]").astype("<i8").tobytes()).hexdigest()
        for rollout, each in samples.items()
    }
    identities = {name: each.source.provenance.get("identity") for name, each in data.items()}
    return {**identities, "samples": starts}


def together(settings: TrainingSettings, engine: Engine) -> int:
    """How many samples one optimisation step sees."""
    return settings.batch_size * settings.accumulate * engine.part[1]
