"""A training run: from a configuration to a checkpoint in a directory of its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from anemoi.core import config
from anemoi.core.checkpoint import Checkpoint, inspect, lock, save
from anemoi.core.config import Composition
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.graph import DATA, HIDDEN
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.loss import Loss
from anemoi.core.model import INPUT_STEPS, ForecastModel, assemble
from anemoi.core.provenance import provenance
from anemoi.core.times import format_date
from numpy.typing import NDArray

from .loop import optimise, phases
from .samples import Samples, model_statistics, training_times
from .settings import Settings
from .tracking import listeners

CHECKPOINT = "checkpoint.safetensors"
PRIMARY = "train"


@dataclass(frozen=True)
class Training:
    """Everything that a training needs, built and checked before its first step.

    Parameters
    ----------
    composition
        The configuration.
    settings
        The same, checked.
    source
        The data.
    times
        The training period.
    model
        With fresh weights.
    loss
        What is minimised.
    samples
        The training period as samples, for each rollout that is trained.
    checkpoint
        What will be saved, but for the trained weights.
    device
        Where it is computed.
    """

    composition: Composition
    settings: Settings
    source: DataSource
    times: NDArray[np.datetime64]
    model: ForecastModel
    loss: Loss
    samples: Mapping[int, Samples]
    checkpoint: Checkpoint
    device: torch.device

    @property
    def summary(self) -> str:
        """What will be trained on what, in a few lines."""
        model, hidden = self.composition.values["model"], len(self.checkpoint.graph.nodes[HIDDEN])
        names = {part: model[part].get("name", "(code)") for part in ("encoder", "processor", "decoder")}
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        first, last = format_date(self.times[0]), format_date(self.times[-1])
        return "\n".join(
            [
                f"Data: {first} to {last}, {len(self.times)} states of {', '.join(self.source.variables)} "
                f"at {len(self.source.grid)} points",
                f"Model: {', '.join(f'{part} {name}' for part, name in names.items())}; "
                f"{parameters:,} parameters, {hidden:,} hidden nodes",
                f"Training: {self.settings.training.steps} steps on {self.device}",
            ]
        )

    def run(
        self,
        directory: Path,
        *,
        on_step: Callable[[int, float], None] = lambda step, loss: None,
    ) -> Path:
        """Train, and leave the record and the checkpoint in ``directory``, which is made if need be.

        Parameters
        ----------
        on_step
            Told of each optimisation step, counted from one, and its loss.

        Returns
        -------
        Path
            The checkpoint.
        """
        directory.mkdir(parents=True, exist_ok=True)
        name, trusted = directory.name, self.composition.trusted
        events = listeners(self.settings.trackers, directory=directory, trust_code=trusted)
        events.send("training_started", run=name, parameters=self.composition.to_dict())
        steps_per_epoch = math.ceil(len(self.samples[1]) / self.settings.training.batch_size)
        losses: list[float] = []
        status = "failed"
        try:
            for step, value in enumerate(
                optimise(self.model, self.loss, self.samples, self.settings.training, self.device), 1
            ):
                if not math.isfinite(value):
                    raise AnemoiError(
                        f"The loss is {value} at step {step}.",
                        fix="Lower training.learning_rate, or raise training.warmup_steps.",
                    )
                events.send("training_step", run=name, step=step, metrics={"loss": value})
                losses.append(value)
                if step % steps_per_epoch == 0:
                    metrics = {"loss": sum(losses) / len(losses)}
                    events.send("training_epoch", run=name, epoch=step // steps_per_epoch, metrics=metrics)
                    losses.clear()
                on_step(step, value)
            weights = {name: weight.detach().cpu() for name, weight in self.model.state_dict().items()}
            path = directory / CHECKPOINT
            save(path, dataclasses.replace(self.checkpoint, weights=weights))
            events.send("checkpoint_saved", run=name, path=path)
            status = "finished"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            events.send("training_finished", run=name, status=status)
        return path


def prepare(composition: Composition) -> Training:
    """Build and check all that a training needs, without training.

    Raises
    ------
    AnemoiError
        If the configuration, the data, the graph or the model will not do.
    """
    settings = config.validate(composition, Settings)
    values, trust = composition.values, composition.trusted
    device = _device(settings.training.device)
    locked = lock(values)
    source: DataSource = config.build("source", settings.data, trust_code=trust)
    times = training_times(source, settings.dates)
    samples = {
        rollout: Samples.within(
            source, times, inputs=INPUT_STEPS, rollout=rollout, forcings=tuple(settings.forcings)
        )
        for rollout, _ in phases(settings.training)
    }
    statistics = model_statistics(source, times)
    builder: GraphBuilder = config.build("graph", settings.graph, trust_code=trust)
    graph = builder.build({DATA: source.grid})
    torch.manual_seed(settings.training.seed)
    model = assemble(values, graph=graph, variables=source.variables, statistics=statistics, trust_code=trust)
    areas, variables = torch.from_numpy(source.grid.areas).float(), len(source.variables)
    loss: Loss = config.build(
        "loss",
        settings.loss,
        trust_code=trust,
        node_weights=areas / areas.sum(),
        variable_weights=torch.full((variables,), 1 / variables),
    )
    checkpoint = Checkpoint(
        weights={},
        graph=graph,
        grid=source.grid,
        statistics=statistics,
        variables=source.variables,
        units=dict(source.units),
        frequency=source.frequency,
        configuration=values,
        overrides=composition.overrides,
        lock=locked,
        provenance=provenance(
            parents=[
                {**source.provenance, "kind": "dataset"},
                {"kind": "graph", "identity": graph.identity, "configuration": values.get("graph")},
            ],
            kind="checkpoint",
            training_period={"start": format_date(times[0]), "end": format_date(times[-1])},
        ),
    )
    return Training(composition, settings, source, times, model, loss, samples, checkpoint, device)


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


def train(*overrides: str, output: str | Path) -> Path:
    """Train a model, as ``anemoi train OVERRIDES --output DIRECTORY`` does.

    Parameters
    ----------
    overrides
        What to change of the configuration: ``"model=transformer"``, ``"training.steps=1000"``.
    output
        The directory of the run.

    Returns
    -------
    Path
        The checkpoint.
    """
    return prepare(config.compose(PRIMARY, overrides)).run(Path(output))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"training.device: {name!r} is not to be had here.", fix="Choose auto, cpu or cuda."
        ) from error
    return torch.device(name)
