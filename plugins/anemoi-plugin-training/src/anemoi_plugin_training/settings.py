"""What a user may set of a training: what the configuration ``train`` may hold."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from anemoi.core.config import Component, Spec
from anemoi.core.errors import ConfigError
from pydantic import Field

OPTIMISER: Spec = {"name": "muon"}
"""The optimiser unless a configuration says another."""

HIDDEN, DATA = "hidden", "data"
"""As in :mod:`anemoi.core.graph`, which brings torch; settings are read without it."""


@dataclass(frozen=True, kw_only=True)
class PeriodSettings:
    """A period of the data, ISO dates, both ends included.

    Parameters
    ----------
    start
        Its first date; None is no such period.
    end
        Its last date; None is where the data end.
    """

    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, kw_only=True)
class DateSettings:
    """The periods of the data, ISO dates, both ends included.

    Parameters
    ----------
    start, end
        Of the training period; the normalisation comes from it as well. None is where the data begin, and
        where they end or the validation period begins.
    validation
        The dates that are forecast while the model is trained, after the training period.
    test
        The dates that are forecast when it has been trained, after those of training and validation.
    """

    start: str | None = None
    end: str | None = None
    validation: PeriodSettings = field(default_factory=PeriodSettings)
    test: PeriodSettings = field(default_factory=PeriodSettings)


@dataclass(frozen=True, kw_only=True)
class BlockSettings:
    """How samples are read together, so that a state that several of them share is read once.

    Parameters
    ----------
    size
        How many consecutive samples are read at once; 1 reads each by itself, in an order that is random
        throughout.
    mixed
        Among how many blocks samples are shuffled. Twice as many are in memory at most, in each process.
    """

    size: Annotated[int, Field(ge=1)] = 1
    mixed: Annotated[int, Field(ge=1)] = 8


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """How often the state of a training is saved while it runs.

    Parameters
    ----------
    every_steps
        After so many optimisation steps; None does not count them.
    every_minutes
        After so many minutes; None does not look at the clock.
    every_epochs
        After the samples have been seen so many times; None does not count them.
    keep
        How many are kept, the last ones.
    """

    every_steps: Annotated[int, Field(ge=1)] | None = None
    every_minutes: Annotated[float, Field(gt=0)] | None = 10.0
    every_epochs: Annotated[int, Field(ge=1)] | None = None
    keep: Annotated[int, Field(ge=1)] = 2


@dataclass(frozen=True, kw_only=True)
class ValidationSettings:
    """How a training is validated, if there are dates to validate it on.

    Parameters
    ----------
    every_steps
        After how many optimisation steps; None does not count them. After the last one too.
    every_epochs
        After the samples have been seen how many times; None does not count them.
    rollout
        How many forecast steps ahead.
    dates
        From how many dates of the period forecasts are made, evenly spread over it.
    members
        How many members each forecast has; several of an objective whose members differ alone.
    metric
        By which weights are the best: one of those that are recorded, such as ``validation_rmse_2t_24h``.
    patience
        End the training after so many validations without a better metric; None never does.
    """

    every_steps: Annotated[int, Field(ge=1)] | None = 500
    every_epochs: Annotated[int, Field(ge=1)] | None = None
    rollout: Annotated[int, Field(ge=1)] = 4
    dates: Annotated[int, Field(ge=1)] = 16
    members: Annotated[int, Field(ge=1)] = 1
    metric: str = "validation_loss"
    patience: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """What a training begins with. What of a checkpoint does not fit the model must be chosen.

    Parameters
    ----------
    checkpoint
        Begin with its weights; None begins with fresh ones.
    new
        The variables and weights that begin fresh, by name or pattern (``q_*``, ``decoders.*``).
    drop
        Those of the checkpoint that are left behind.
    pad
        Those that are filled up: with zeros for a variable, with fresh weights otherwise.
    optimiser
        ``fresh``, or ``kept``: its means of gradients go on from the state beside the checkpoint.
    """

    checkpoint: str | None = None
    new: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    pad: list[str] = field(default_factory=list)
    optimiser: Literal["fresh", "kept"] = "fresh"


@dataclass(frozen=True, kw_only=True)
class RateSettings:
    """The learning rate of some weights.

    Parameters
    ----------
    weights
        Which, by name or pattern (``encoders.*``).
    factor
        Times the learning rate of all others.
    """

    weights: str
    factor: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class LowRankSettings:
    """Low-rank changes that are trained instead of weights.

    Parameters
    ----------
    weights
        Of which, by name or pattern (``processor.*``); none trains the weights themselves. Others, biases and
        norms stay as they are.
    rank
        Of the changes.
    alpha
        The changes count ``alpha / rank`` times.
    """

    weights: list[str] = field(default_factory=list)
    rank: Annotated[int, Field(ge=1)] = 8
    alpha: Annotated[float, Field(gt=0)] = 16.0


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a model is trained.

    Parameters
    ----------
    seed
        Of the initial weights and of the order of the samples: on CPU the same one gives the same losses.
    steps
        How many optimisation steps.
    batch_size
        Samples that each process reads at once.
    rollout
        How many forecast steps the loss is the mean of, in the last ``rollout_steps`` optimisation steps.
    rollout_start
        How many forecast steps the loss is the mean of before them.
    rollout_steps
        How many optimisation steps at the end are made with ``rollout``.
    rollout_every, rollout_every_epochs
        After how many of these, or epochs, it grows by one forecast step, from ``rollout_start`` to
        ``rollout``; with neither it does so at once.
    recompute
        Whether a forecast step is computed again in the backward pass instead of being remembered: memory
        then hardly grows with ``rollout``, and a step takes about a third longer.
    optimiser
        An older name for ``optimiser.name``; None where that says it.
    learning_rate
        Its highest value, after the warm-up.
    warmup_steps
        Optimisation steps over which the learning rate grows from zero; then it follows the schedule.
    weight_decay
        On matrices; not on biases and norms.
    gradient_clip
        The largest norm of the gradient, or the largest size of each of its numbers.
    gradient_clip_by
        Which of the two: ``norm`` or ``value``.
    accumulate
        How many batches each step adds up, so that a larger batch fits into memory.
    precision
        32 bits throughout; ``bf16-mixed`` or ``16-mixed``, in which matrices are multiplied in bfloat16 or,
        with a scaled loss, in float16; or ``bf16-true``, in which the network has its weights in bfloat16.
    member_parallel
        How many processes share the members of a sample out among each other: each computes some of them, and
        the loss is over all. They see the same samples.
    sharded
        Whether several processes share the weights and the states of optimisers out, instead of a copy each.
    compile
        Whether the network is compiled (``torch.compile``), which takes a while at the first step.
    workers
        Processes that read samples ahead; 0 reads them in a thread of this one.
    blocks
        How samples are read together.
    device
        ``auto``, ``cpu``, ``cuda``.
    time_limit
        Save the state and leave after so long (``11h45m``), counted from the preparation; None never does.
    checkpoint
        How often the state is saved.
    validation
        How it is validated.
    start
        What it begins with.
    freeze
        The weights that are not trained, by pattern (``encoders.*``).
    learning_rates
        Those of some weights; of several that fit one, the first counts.
    lora
        Low-rank changes of the weights of a checkpoint, which are trained instead of these.
    ema
        The share of the past in a moving average of the weights, such as 0.999: validation and forecasts have
        the average; None has no average.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=1)] = 1000
    batch_size: Annotated[int, Field(ge=1)] = 1
    rollout: Annotated[int, Field(ge=1)] = 2
    rollout_start: Annotated[int, Field(ge=1)] = 1
    rollout_steps: Annotated[int, Field(ge=0)] = 500
    rollout_every: Annotated[int, Field(ge=1)] | None = None
    rollout_every_epochs: Annotated[int, Field(ge=1)] | None = None
    recompute: bool = False
    optimiser: Literal["muon", "adamw"] | None = None
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    weight_decay: Annotated[float, Field(ge=0)] = 0.15
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    gradient_clip_by: Literal["norm", "value"] = "norm"
    accumulate: Annotated[int, Field(ge=1)] = 1
    precision: Literal[32, "bf16-mixed", "bf16-true", "16-mixed"] = 32
    member_parallel: Annotated[int, Field(ge=1)] = 1
    sharded: bool = False
    compile: bool = False
    workers: Annotated[int, Field(ge=0)] = 0
    blocks: BlockSettings = field(default_factory=BlockSettings)
    device: str = "auto"
    time_limit: str | None = None
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    start: StartSettings = field(default_factory=StartSettings)
    freeze: list[str] = field(default_factory=list)
    learning_rates: list[RateSettings] = field(default_factory=list)
    lora: LowRankSettings = field(default_factory=LowRankSettings)
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None

    def steps_per_epoch(self, samples: int, parts: int) -> int:
        """How many optimisation steps see each sample once, of which processes see as many parts."""
        return math.ceil(samples / (self.batch_size * self.accumulate * parts))


@dataclass(frozen=True, kw_only=True)
class VariableSettings:
    """What the variables of a domain are for, by name or pattern (``q_*``).

    Parameters
    ----------
    prognostic
        Both input and output, whatever the data say.
    forcing
        Input only.
    diagnostic
        Output only.
    drop
        Not used at all.
    may_be_missing
        Those that may have NaNs (sea-surface temperature over land), besides those that the data name.
    """

    prognostic: list[str] = field(default_factory=list)
    forcing: list[str] = field(default_factory=list)
    diagnostic: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    may_be_missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class DomainSettings:
    """One data set of several.

    Parameters
    ----------
    data
        Where its states are read.
    variables
        What its variables are for.
    transforms
        What to change of the transforms for it.
    forcings
        Its computed inputs, by name; None is those of all.
    frequency
        The time between its states as the model sees them. Where it is shorter than that of the data, each
        state holds until the next; None is that of the data.
    """

    data: Annotated[Spec, Component("source")]
    variables: VariableSettings = field(default_factory=VariableSettings)
    transforms: dict[str, Annotated[Spec, Component("transform")]] = field(default_factory=dict)
    forcings: list[Annotated[str, Component("forcing")]] | None = None
    frequency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration of a training.

    Parameters
    ----------
    data
        Where the states are read; not used with ``domains``.
    domains
        Several data sets, by the names of their domains.
    variables
        What the variables are for.
    dates
        Which states train the model.
    forcings
        The computed inputs, by name.
    transforms
        The steps between the data and the network, in order.
    graph
        The hidden nodes and the edges; not built for a model without a graph.
    model
        The network.
    objective
        What it is trained for, and how a forecast advances.
    loss
        The training loss.
    scalers
        How much each error counts, each scaler under a name of the user's choice.
    optimiser
        How gradients change the weights.
    schedule
        How the learning rate changes.
    callbacks
        What looks at it between its steps and may change it, each under a name of the user's choice.
    metrics
        What validations compute besides losses and errors, each under a name of the user's choice.
    training
        How.
    trackers
        What keeps a record, each under a name of the user's choice.
    """

    data: Annotated[Spec, Component("source")] | None = None
    domains: dict[str, DomainSettings] = field(default_factory=dict)
    variables: VariableSettings = field(default_factory=VariableSettings)
    dates: DateSettings = field(default_factory=DateSettings)
    forcings: list[Annotated[str, Component("forcing")]] = field(default_factory=list)
    transforms: dict[str, Annotated[Spec, Component("transform")]] = field(default_factory=dict)
    graph: Annotated[Spec, Component("graph")] | None = None
    model: Annotated[Spec, Component("model")]
    objective: Annotated[Spec, Component("objective")]
    loss: Annotated[Spec, Component("loss")]
    scalers: dict[str, Annotated[Spec, Component("scaler")]] = field(default_factory=dict)
    optimiser: Annotated[Spec, Component("optimiser")] = field(default_factory=lambda: dict(OPTIMISER))
    schedule: Annotated[Spec, Component("schedule")] = field(
        default_factory=lambda: {"name": "warmup-cosine"}
    )
    callbacks: dict[str, Annotated[Spec, Component("callback")]] = field(default_factory=dict)
    metrics: dict[str, Annotated[Spec, Component("metric")]] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    trackers: dict[str, Annotated[Spec, Component("tracker")]] = field(default_factory=dict)

    def check(self, *, trust_code: bool) -> None:
        """Refuse settings with which no training can begin; see :func:`anemoi.core.config.validate`."""
        from .checks import check  # brings torch, which reading the settings does without

        check(self, trust_code=trust_code)

    def of_optimiser(self) -> Spec:
        """The optimiser, by its name of today or by that of configurations before.

        Raises
        ------
        ConfigError
            If the two disagree.
        """
        older = self.training.optimiser
        if older is None:
            return self.optimiser
        if self.optimiser not in (OPTIMISER, {"name": older}):
            raise ConfigError(
                f"training.optimiser: says {older}, and the section optimiser says {dict(self.optimiser)}.",
                fix="Remove training.optimiser (~training.optimiser), an older name for optimiser.name.",
            )
        warnings.warn(
            f"training.optimiser is an older name for optimiser.name: write optimiser={older}.",
            FutureWarning,
            stacklevel=2,
        )
        return {"name": older}

    def of_domains(self) -> dict[str, DomainSettings]:
        """The settings of each domain; of the only one, those of the training itself.

        Raises
        ------
        ConfigError
            If no data are named, or a domain has a name that is no word.
        """
        if wrong := [name for name in self.domains if not name.isidentifier() or name == HIDDEN]:
            raise ConfigError(f"domains.{wrong[0]}: a domain's name must be a word other than {HIDDEN!r}.")
        if self.domains:
            return {
                name: replace(own, forcings=self.forcings if own.forcings is None else own.forcings)
                for name, own in self.domains.items()
            }
        if self.data is None:
            raise ConfigError("No data are named.", fix="Choose some: data=NAME, or domains.")
        return {DATA: DomainSettings(data=self.data, variables=self.variables, forcings=self.forcings)}
