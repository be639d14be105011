"""What is trained, and how a forecast advances: one object, because the two must agree."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from ..domain import Domain
from ..steps import Steps
from .model import Fields

if TYPE_CHECKING:
    from ..model import ForecastModel, Sample


class Criterion(Protocol):
    """The losses of all domains with their weights, as one function."""

    def __call__(
        self, predictions: Fields, targets: Fields, *, step: int = 0, weights: Tensor | None = None
    ) -> Tensor:
        """Give one number.

        Parameters
        ----------
        predictions, targets
            For each domain with outputs ``(batch, time out, ensemble, grid, outputs)``, normalised. Targets
            are NaN where there is no truth, and may have one member where predictions have several.
        step
            Which step of a forecast this is, counted from zero.
        weights
            How much each sample counts, ``(batch,)``: by its noise level, say; one by default.
        """


class Objective(ABC):
    """How a network is trained, and how a forecast is made with it.

    A deterministic rollout trains a network to give the state that follows, and asks it once a step; an
    ensemble gives noise to each member and is trained by a score over members; a diffusion is trained to
    remove noise, and asks the network many times a step. Whoever trains calls :meth:`loss`; whoever forecasts
    calls :meth:`advance`, step after step; neither knows more. It has no weights of its own. A subclass takes
    its options as keyword arguments, each with a type and a default; they are what a user writes under
    ``objective``, and a checkpoint keeps them.
    """

    stochastic: ClassVar[bool] = False
    """Whether members that begin with one state come apart by the random numbers drawn for each. Of an
    objective that draws none, members must begin with states of their own."""

    learns_mean: ClassVar[bool] = False
    """Whether its forecasts are right only where the network gives means given what it is shown, of what was
    noised, say. A loss that is not least at the mean is refused with it."""

    @abstractmethod
    def steps(self, frequencies: Mapping[str, np.timedelta64]) -> dict[str, Steps]:
        """Say when the states lie that one step takes and gives.

        Parameters
        ----------
        frequencies
            How far apart the states of each domain lie in its data.

        Raises
        ------
        ConfigError
            If the options do not go with these data.
        """

    @property
    def condition_channels(self) -> int:
        """How many numbers it conditions the network on, for each member; none by default."""
        return 0

    @property
    def condition_on_nodes(self) -> bool:
        """Whether it conditions each hidden node on numbers of its own; no by default."""
        return False

    def network_domains(self, domains: Mapping[str, Domain]) -> Mapping[str, Domain]:
        """What the network takes and gives, where that is more than the data have: noised outputs, say.

        Parameters
        ----------
        domains
            Those of the data, normalised.
        """
        return domains

    @abstractmethod
    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """What a training minimises the mean of: the loss of each forecast step in ``sample``.

        Parameters
        ----------
        model
            The network with its transforms.
        sample
            Normalised states of one or more forecast steps: ``sample.count``.
        criterion
            The losses, weighted.
        generator
            The only source of random numbers.

        Returns
        -------
        Tensor
            ``(steps,)``.
        """

    @abstractmethod
    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """Forecast one step.

        A forecast asks for its members one at a time, each with a generator that follows from seed, date,
        step and member: so a member is the same to the bit however many are made, and where.

        Parameters
        ----------
        model
            The network with its transforms.
        inputs
            For each domain ``(batch, time in, ensemble, grid, inputs)``, normalised: prognostic variables and
            forcings at all times of ``steps[domain].inputs``.
        generator
            The only source of random numbers.

        Returns
        -------
        dict
            For each domain with outputs ``(batch, time out, ensemble, grid, outputs)``, normalised.
        """
