"""What a user may set of a training: what the configuration ``train`` may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from anemoi.core.config import Component, Spec
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class DateSettings:
    """The periods of the data, ISO dates, both ends included.

    Parameters
    ----------
    start, end
        Of the training period; the normalisation comes from it as well. None is where the data begin or end.
    """

    start: str | None = None
    end: str | None = None


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
        Samples in each.
    rollout
        How many forecast steps the loss is the mean of, in the last ``rollout_steps`` optimisation steps.
    rollout_steps
        How many optimisation steps at the end are made with ``rollout``; before them it is one.
    optimiser
        ``muon`` trains the matrices between latent states by Muon and all else by AdamW; ``adamw`` trains
        everything by AdamW.
    learning_rate
        Its highest value, after the warm-up.
    warmup_steps
        Optimisation steps over which the learning rate grows from zero; then it falls along a cosine.
    weight_decay
        On matrices; not on biases and norms.
    gradient_clip
        The largest norm of the gradient.
    workers
        Processes that read samples ahead; 0 reads them in a thread of this one.
    device
        ``auto``, ``cpu``, ``cuda``.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=1)] = 1000
    batch_size: Annotated[int, Field(ge=1)] = 1
    rollout: Annotated[int, Field(ge=1)] = 2
    rollout_steps: Annotated[int, Field(ge=0)] = 500
    optimiser: Literal["muon", "adamw"] = "muon"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    weight_decay: Annotated[float, Field(ge=0)] = 0.15
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    workers: Annotated[int, Field(ge=0)] = 0
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The model, put together from three components.

    Parameters
    ----------
    channels
        The size of the latent state of a node.
    encoder
        Brings the state from the grid to the hidden nodes.
    processor
        Works on the hidden nodes.
    decoder
        Brings the result back to the grid.
    """

    channels: Annotated[int, Field(ge=1)]
    encoder: Annotated[Spec, Component("mapper")]
    processor: Annotated[Spec, Component("processor")]
    decoder: Annotated[Spec, Component("mapper")]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration of a training.

    Parameters
    ----------
    data
        Where the states are read.
    dates
        Which of them train the model.
    forcings
        The computed inputs, by name.
    graph
        The hidden nodes and the edges.
    model
        The encoder, the processor and the decoder.
    loss
        What is minimised.
    training
        How.
    trackers
        What keeps a record, each under a name of the user's choice.
    """

    data: Annotated[Spec, Component("source")]
    dates: DateSettings = field(default_factory=DateSettings)
    forcings: list[str] = field(default_factory=list)
    graph: Annotated[Spec, Component("graph")]
    model: ModelSettings
    loss: Annotated[Spec, Component("loss")]
    training: TrainingSettings = field(default_factory=TrainingSettings)
    trackers: dict[str, Annotated[Spec, Component("tracker")]] = field(default_factory=dict)
