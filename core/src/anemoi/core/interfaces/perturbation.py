"""How the initial states of the members of an ensemble come to differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from ..steps import Offset
from .model import Fields

if TYPE_CHECKING:
    from ..model import ForecastModel


class ForecastInputs(Protocol):
    """The inputs of each step of a forecast from one date."""

    def of(self, step: int) -> dict[str, Tensor]:
        """The inputs of one step, ``(1, time in, 1, grid, inputs)`` by domain, normalised."""

    def add(self, step: int, outputs: Fields) -> None:
        """Take the outputs of one step, ``(1, time out, 1, grid, outputs)`` by domain, normalised."""


@dataclass(frozen=True)
class Analysis:
    """What a perturbation can begin with.

    Parameters
    ----------
    model
        The network with its transforms, its objective and its domains, on the device that computes.
    start
        The time that the forecast starts from.
    step
        How far one step takes a forecast.
    at
        Gives the inputs of a forecast from another time, of the same member of the source.
    """

    model: ForecastModel
    start: np.datetime64
    step: Offset
    at: Callable[[np.datetime64], ForecastInputs]


class Perturbation(ABC):
    """Gives a member of an ensemble an initial state of its own.

    The first member keeps the analysis: it is the control forecast. A subclass takes its options as keyword
    arguments, each with a type and a default.
    """

    def starts(self, step: Offset, members: int) -> tuple[Offset, ...]:
        """From which times besides the start it takes inputs, relative to it; none by default.

        Parameters
        ----------
        step
            How far one step takes a forecast.
        members
            How many members there will be, with the control.
        """
        return ()

    @abstractmethod
    def perturbed(self, analysis: Analysis, member: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Give the inputs of the first step of one member.

        Parameters
        ----------
        analysis
            What it begins with: ``analysis.at(analysis.start).of(0)`` is the unperturbed state.
        member
            Which member, from 1.
        generator
            The only source of random numbers, of this member.

        Returns
        -------
        dict
            For each domain ``(1, time in, 1, grid, inputs)``, normalised. Prognostic variables are taken from
            it; whatever else a model is given stays as it was.
        """
