"""How well a model that is being trained forecasts dates that it is not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.model import ForecastModel, Sample
from anemoi.core.steps import Offset, Steps
from anemoi.core.times import format_duration
from numpy.typing import NDArray
from torch import Tensor

from .criterion import Criterion
from .engine import Engine
from .interfaces.callback import ValidationState
from .loop import repeatable
from .past import Past
from .samples import Samples, normalised
from .scores import RMSE, Builders, Metric, Scores, built, cost, lead_times

Show = Callable[[ValidationState], None]
"""Shown each state that is forecast."""


class Validation:
    """The loss of the objective and the errors of rolled-out forecasts, over the same dates each time.

    It leaves the training as it was: weights, random numbers, and what comes next.

    Parameters
    ----------
    model, criterion
        Those that are trained.
    samples
        Of the validation period, as many forecast steps as are looked at.
    dates
        From how many of them forecasts are made, evenly spread.
    members
        How many members each forecast has, where the data have one. Errors are those of their mean.
    batch_size
        How many dates at once.
    seed
        Of all random numbers that the objective draws.
    engine
        Where. Each process makes all the forecasts.
    metrics
        What builds the metrics that are computed besides losses and errors.
    past
        The times of the training period of each domain, whose mean these may ask for; needed with metrics.
    name
        What its metrics begin with.
    """

    def __init__(
        self,
        model: ForecastModel,
        criterion: Criterion,
        samples: Samples,
        *,
        dates: int,
        members: int = 1,
        batch_size: int,
        seed: int,
        engine: Engine,
        metrics: Builders = MappingProxyType({}),
        past: Mapping[str, NDArray[np.datetime64]] = MappingProxyType({}),
        name: str = "validation",
    ) -> None:
        self._model, self._criterion, self._samples = model, criterion, samples
        self._name, self._members = name, members
        self._seed, self._engine, self._device = seed, engine, engine.device
        spread = np.linspace(0, len(samples) - 1, min(dates, len(samples))).round().astype(int)
        self.batches = [
            spread[begin : begin + batch_size].tolist() for begin in range(0, len(spread), batch_size)
        ]
        """The positions of the samples, batch by batch."""
        self._areas = {
            name: torch.from_numpy(np.asarray(domain.grid.areas, dtype=np.float32))[:, None].to(engine.device)
            for name, domain in model.domains.items()
        }  # (grid, 1)
        self._metrics = metrics
        self._past = {
            name: Past(data.source, past[name], data.domain.outputs)
            for name, data in samples.data.items()
            if metrics and data.domain.outputs and samples.steps[name].outputs
        }

    def __call__(self, show: Show = lambda state: None) -> dict[str, float]:
        """Forecast, and give every metric by its name.

        ``validation_loss`` is the mean of ``validation_loss_6h`` and so on, the losses of the forecast steps
        by where they end; ``validation_rmse_2t_6h`` is the root-mean-square error by area, over all dates, in
        the units of the data; metrics follow, in the same way: ``validation_acc_2t_6h``. With several domains
        theirs comes first: ``validation_rmse_ocean_sst_24h``.

        Parameters
        ----------
        show
            Shown each state that is forecast.
        """
        model, generator = self._model, torch.Generator(self._device).manual_seed(self._seed)
        trained = model.training
        losses: list[tuple[int, Tensor]] = []
        errors: dict[tuple[str, Offset], _Squares] = defaultdict(_Squares)
        scores = {name: Scores(self._built(name), past) for name, past in self._past.items()}
        cuda = [self._device] if self._device.type == "cuda" else []
        model.eval()
        try:
            with (
                torch.no_grad(),
                self._engine.forward(),
                repeatable(self._device),
                torch.random.fork_rng(devices=cuda),
            ):
                torch.manual_seed(self._seed)
                for positions in self.batches:
                    batch = self._samples[positions]
                    sample = normalised(model, batch, self._samples, self._device)
                    loss = model.objective.loss(model, sample, self._criterion, generator)
                    losses.append((len(positions), loss.double().cpu()))
                    self._forecast(sample, batch.starts, generator, errors, scores, show)
        finally:
            model.train(trained)
        found = self._rmse(errors)
        return {**self._losses(losses), **found, **self._scores(scores, found)}

    def cost(self, metric: str, value: float) -> float:
        """A number that is the lower the better a value of a metric is, by the metric's name."""
        for domain in self._past:
            for name, each in self._built(domain).items():
                if metric in self._names(domain, name):
                    return cost(each, value)
        return value

    def _forecast(
        self,
        sample: Sample,
        starts: NDArray[np.datetime64],
        generator: torch.Generator,
        errors: dict[tuple[str, Offset], _Squares],
        scores: Mapping[str, Scores],
        show: Show,
    ) -> None:
        """Roll a forecast out from each start, and add its errors in the units of the data."""
        made: dict[str, dict[Offset, Tensor]] = defaultdict(dict)
        kept: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)  # (batch, ensemble, grid, variable)
        for step in range(sample.count):
            inputs = sample.inputs(step, made)
            inputs = {
                name: each.expand(-1, -1, self._members if each.shape[2] == 1 else -1, -1, -1)
                for name, each in inputs.items()
            }
            outputs = self._model.advance(inputs, generator)
            targets = sample.targets(step)
            for name, times in sample.times(step).items():
                if name not in outputs:
                    continue
                made[name].update(zip(times, outputs[name].unbind(1), strict=True))
                forecast = self._model.denormalise(name, outputs[name])
                truth = self._model.denormalise(
                    name, targets[name]
                )  # (batch, time, ensemble, grid, variable)
                for place, time in enumerate(times):
                    own = forecast[:, place]
                    mean = own.mean(dim=1, keepdim=True) if truth.shape[2] == 1 else own
                    errors[name, time].add(mean, truth[:, place], self._areas[name])
                    if name in scores:
                        kept[name].append((own.float().cpu(), truth[:, place].float().cpu()))
                    domain = self._model.domains[name]
                    names = {
                        each: _metric_name(self._name, RMSE, self._model.domains, name, each, time)
                        for each in domain.outputs
                    }
                    for start, one, true in zip(starts, own, truth[:, place], strict=True):
                        show(ValidationState(name, domain, start, time, one, true, names))
        for name, states in kept.items():
            leads = np.array(lead_times(sample.steps[name], sample.count))
            forecasts, truths = (torch.stack(each, 1).numpy() for each in zip(*states, strict=True))
            for start, one, true in zip(starts, forecasts, truths, strict=True):
                scores[name].add(start, leads, one, true)

    def _losses(self, losses: Sequence[tuple[int, Tensor]]) -> dict[str, float]:
        count = sum(samples for samples, _ in losses)
        mean = torch.stack([samples * each for samples, each in losses]).sum(0) / count  # (steps,)
        length = next(iter(self._model.steps.values())).step
        return {
            f"{self._name}_loss": mean.mean().item(),
            **{
                f"{self._name}_loss_{format_duration((number + 1) * length)}": each
                for number, each in enumerate(mean.tolist())
            },
        }

    def _rmse(self, errors: dict[tuple[str, Offset], _Squares]) -> dict[str, float]:
        found = {}
        for (name, time), squares in errors.items():
            domains = self._model.domains
            for variable, value in zip(domains[name].outputs, squares.root_mean(), strict=True):
                if value is not None:
                    found[_metric_name(self._name, RMSE, domains, name, variable, time)] = value
        return found

    def _scores(self, scores: Mapping[str, Scores], known: Collection[str]) -> dict[str, float]:
        """Give the metrics where there is a truth: where the error is known."""
        values = {domain: each.values() for domain, each in scores.items()}
        return {
            name: value
            for metric in self._metrics
            for domain, own in values.items()
            for name, error, value in zip(
                self._names(domain, metric),
                self._names(domain, RMSE),
                own[metric].ravel().tolist(),
                strict=True,
            )
            if error in known
        }

    def _built(self, domain: str) -> dict[str, Metric]:
        domains, steps = self._model.domains, self._model.steps
        return built(
            self._metrics, domains[domain], steps[domain], self._samples.count, members=self._members
        )

    def _names(self, domain: str, metric: str) -> list[str]:
        """What the values of a metric are called, in order of lead time and variable."""
        model, count = self._model, self._samples.count
        return _names_of(self._name, metric, model.domains, domain, model.steps[domain], count)


def metric_names(
    domains: Mapping[str, Domain],
    steps: Mapping[str, Steps],
    count: int,
    metrics: Iterable[str] = (),
    name: str = "validation",
) -> list[str]:
    """Give the names of all metrics of a validation; those of a variable without any truth are not recorded.

    Parameters
    ----------
    domains, steps
        Of the model.
    count
        How many forecast steps it looks at.
    metrics
        The names of those that it computes besides losses and errors.
    name
        What they begin with.
    """
    length = next(iter(steps.values())).step
    return [
        f"{name}_loss",
        *(f"{name}_loss_{format_duration((number + 1) * length)}" for number in range(count)),
        *(
            each
            for metric in (RMSE, *metrics)
            for domain, own in steps.items()
            for each in _names_of(name, metric, domains, domain, own, count)
        ),
    ]


def _names_of(
    name: str, metric: str, domains: Mapping[str, Domain], domain: str, steps: Steps, count: int
) -> list[str]:
    return [
        _metric_name(name, metric, domains, domain, variable, time)
        for time in lead_times(steps, count)
        for variable in domains[domain].outputs
    ]


def _metric_name(
    name: str, metric: str, domains: Collection[str], domain: str, variable: str, time: Offset
) -> str:
    of = f"{domain}_" if len(domains) > 1 else ""
    return f"{name}_{metric}_{of}{variable}_{format_duration(time)}"


class _Squares:
    """The sums of squared errors times weights, and of the weights where there is a truth."""

    def __init__(self) -> None:
        self._sum = self._weight = torch.zeros((), dtype=torch.float64)

    def add(self, forecast: Tensor, truth: Tensor, weights: Tensor) -> None:
        """Add the errors of ``(batch, ensemble, grid, variable)``, the truth NaN where there is none."""
        there = ~truth.isnan()
        squares = (forecast - truth).square() * weights
        axes = (0, 1, 2)
        self._sum = self._sum + squares.masked_fill(~there, 0.0).sum(axes).double().cpu()  # (variable,)
        self._weight = self._weight + (there * weights).sum(axes).double().cpu()

    def root_mean(self) -> list[float | None]:
        """Give one number for each variable; None for one of which there is no truth."""
        mean = (self._sum / self._weight).sqrt().tolist()
        return [value if weight else None for value, weight in zip(mean, self._weight.tolist(), strict=True)]
