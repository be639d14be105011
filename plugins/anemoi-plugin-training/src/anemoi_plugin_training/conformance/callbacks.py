"""The checks of callbacks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from anemoi_plugin_testing import (
    Check,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import state as trees
from ..interfaces.callback import Callback, Moment, ValidationState
from . import small_domain

STEPS: Final = 12
VALIDATED_EVERY: Final = 3
RUNS: Final = ("builds", "runs")


class _Training:
    """A small network that is trained on a line, with one callback.

    The first gradient is already there: ``take`` takes a step.
    """

    def __init__(self, callback: Callback, *, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
            self.inputs = torch.randn(16, 3)
        self.optimisers: Sequence[Optimizer] = [torch.optim.AdamW(self.model.parameters(), lr=1e-2)]
        self.callback, self.generator = callback, torch.Generator().manual_seed(seed)
        self.taken = 0
        self.reasons: list[str | None] = []

    def take(self, count: int) -> None:
        """Take some steps, whatever the callback says."""
        for _ in range(count):
            self.taken += 1
            self.model.zero_grad(set_to_none=True)
            loss = (self.model(self.inputs) - self.inputs.sum(1, keepdim=True)).square().mean()
            torch.autograd.backward(loss)
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.callback.before_step(self._moment())
            for each in self.optimisers:
                each.step()
            metrics = {"loss": loss.item(), "learning_rate": 1e-2, "gradient_norm": norm.item()}
            if self.taken % VALIDATED_EVERY == 0:
                metrics |= self._validated(1.5 * loss.item())
            self.reasons.append(self.callback.after_step(self._moment(), metrics))

    def _validated(self, loss: float) -> dict[str, float]:
        """Show it the forecasts of a validation, and give the metrics."""
        domain, (truth, _) = small_domain.domain(), small_domain.fields(small_domain.domain(), members=1)
        metrics = {"validation_loss": loss}
        for place, lead_time in enumerate(small_domain.STEPS.outputs):
            hours = lead_time // small_domain.HOUR
            names = {each: f"validation_rmse_{each}_{hours}h" for each in domain.outputs}
            for date, field in enumerate(truth[:, place].unbind(0)):
                start = np.datetime64("2021-03-04T00") + date * small_domain.STEPS.step
                state = ValidationState("data", domain, start, lead_time, field + loss, field, names)
                self.callback.validated(self._moment(), state)
            metrics |= dict.fromkeys(names.values(), loss)
        return metrics

    def _moment(self) -> Moment:
        return Moment(self.taken, STEPS, self.model, self.optimisers, self.generator)

    def weights(self) -> Tensor:
        """All of them, one after another."""
        return torch.cat([each.detach().flatten() for each in self.model.parameters()])


def _build(subject: Subject) -> Callback:
    callback: Callback = subject.build()
    return callback


def _trained(subject: Subject, count: int = STEPS) -> _Training:
    training = _Training(_build(subject))
    training.take(count)
    return training


@contract()
def builds(subject: Subject) -> None:
    """It is built from its own options alone, all of which have defaults."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def runs(subject: Subject) -> None:
    """It goes through a training; what it gives after a step is a reason to end it, or None."""
    reasons = _trained(subject).reasons
    wrong = [each for each in reasons if each is not None and not (isinstance(each, str) and each.strip())]
    require(not wrong, f"after a step it gives {wrong[0]!r}" if wrong else "")


@contract(after=RUNS)
def keeps_the_parameters(subject: Subject) -> None:
    """Parameters may change, but not be replaced, or the optimisers would train others; they stay finite."""
    training = _Training(_build(subject))
    before = dict(training.model.named_parameters())
    training.take(STEPS)
    after = dict(training.model.named_parameters())
    same = before.keys() == after.keys() and all(each is after[name] for name, each in before.items())
    require(same, "the model has other parameters afterwards")
    require(bool(training.weights().isfinite().all()), "weights are not finite afterwards")


@contract(after=RUNS)
def draws_from_the_generator_alone(subject: Subject) -> None:
    """Random numbers of others, such as dropout's, stay where they are."""
    before = torch.get_rng_state()
    _trained(subject)
    require(torch.equal(before, torch.get_rng_state()), "PyTorch's own random numbers have gone on")


@contract(after=(*RUNS, "keeps_the_parameters", "draws_from_the_generator_alone"))
def repeats_to_the_bit(subject: Subject) -> None:
    """In the same training it does the same, so that every process and every repetition agrees."""
    one, other = _trained(subject), _trained(subject)
    require(torch.equal(one.weights(), other.weights()), "weights differ in two trainings of the same steps")
    require(one.reasons == other.reasons, "one training ends where another of the same steps does not")


@contract(after=(*RUNS, "repeats_to_the_bit"))
def leaves_files_in_the_directory_alone(subject: Subject) -> None:
    """With the directory of the run it trains as without; files that trackers are given are in it, whole."""
    whole = _trained(subject)
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        found: list[Path] = []
        training = _Training(_build(subject))
        training.callback.start(Path(folder), found.append)
        training.take(STEPS)
        training.callback.finish("finished")
        inside = [each.is_file() and each.resolve().is_relative_to(Path(folder).resolve()) for each in found]
    same = torch.equal(whole.weights(), training.weights()) and whole.reasons == training.reasons
    require(same, "the training is another where it has a directory")
    require(
        all(inside), f"{found[inside.index(False)] if False in inside else ''} is no file in the directory"
    )


@contract(after=(*RUNS, "repeats_to_the_bit"))
def remembers_what_can_be_saved(subject: Subject) -> None:
    """Its state is made of numbers, text, tensors, lists and dictionaries."""
    try:
        _saved(_trained(subject).callback)
    except Exception as error:  # whatever it makes of its state
        require(False, f"its state cannot be saved: {error}")


@contract(after=(*RUNS, "repeats_to_the_bit", "remembers_what_can_be_saved"))
def goes_on_to_the_bit(subject: Subject) -> None:
    """A fresh one that takes up its state goes on as it would have, whenever that is."""
    whole = _trained(subject)
    for count in range(1, STEPS):
        training = _trained(subject, count)
        other = _build(subject)
        other.restore(_saved(training.callback))
        training.callback = other
        training.take(STEPS - count)
        require(torch.equal(whole.weights(), training.weights()), f"weights differ, left after step {count}")
        require(whole.reasons == training.reasons, f"it ends the training elsewhere, left after step {count}")


@contract(after=(*RUNS, "repeats_to_the_bit"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    one, other = _trained(subject), _trained(replace(subject, options=from_configuration(subject)))
    same = torch.equal(one.weights(), other.weights()) and one.reasons == other.reasons
    require(same, "it is another with its defaults written out")


def _saved(callback: Callback) -> Any:
    """Its state as it comes back from a file."""
    document, tensors = trees.packed(callback.state())
    return trees.unpacked(json.loads(json.dumps(document, allow_nan=False)), tensors)


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    runs,
    keeps_the_parameters,
    draws_from_the_generator_alone,
    repeats_to_the_bit,
    leaves_files_in_the_directory_alone,
    remembers_what_can_be_saved,
    goes_on_to_the_bit,
    options_survive_a_configuration,
)
