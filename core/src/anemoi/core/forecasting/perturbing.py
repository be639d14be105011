"""The initial states of the members of an ensemble."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import numpy as np
import torch

from .. import config
from ..checkpoint import Checkpoint
from ..config import Spec
from ..interfaces.perturbation import Analysis, Perturbation
from ..model import ForecastModel
from .initial import Sources, check_sources
from .inputs import Inputs
from .members import INITIAL, MemberSource, Seed, generator_of, model_of


def perturbation_of(spec: Spec | None, *, trust_code: bool = False) -> Perturbation | None:
    """Build what gives members initial states of their own.

    Raises
    ------
    ConfigError, PluginError
        If an option will not do, or nothing here is of that name.
    """
    return None if spec is None else config.build("perturbation", spec, trust_code=trust_code)


def check_earlier(
    checkpoint: Checkpoint,
    sources: Sources,
    dates: Sequence[np.datetime64],
    perturbation: Perturbation | None,
    members: int,
    persist: Collection[str],
) -> None:
    """Check that the sources hold what a perturbation takes of them besides the states at the start.

    Raises
    ------
    DataError
        If not, with every reason there is.
    """
    if perturbation is None:
        return
    step = next(iter(checkpoint.steps.values())).step
    for offset in perturbation.starts(step, members):
        earlier = [date + offset for date in dates]
        check_sources(checkpoint, sources, earlier, count=max(1, int(-offset // step)), persist=persist)


@torch.inference_mode()
def initial_inputs(
    model: ForecastModel,
    sources: Sources,
    start: np.datetime64,
    seeds: Sequence[Seed],
    perturbation: Perturbation | None = None,
    *,
    only: int | None = None,
    persist: Collection[str] = (),
    allow_unusual: Collection[str] = (),
    device: torch.device | str = "cpu",
) -> Inputs:
    """Give the inputs of a forecast, with the initial state of each member.

    Parameters
    ----------
    model
        On the device that computes.
    sources
        Where the states of each domain are read.
    start
        The time that the forecast starts from.
    seeds
        Of each member of the ensemble.
    perturbation
        Gives each member but the first an initial state of its own; none if None.
    only
        Which member to begin, where the others are made elsewhere; ``sources`` are of this one. All if None.
    persist, allow_unusual, device
        As for :class:`.Inputs`.

    Raises
    ------
    DataError
        If a source does not hold what is needed, it is not finite, or does not resemble the training.
    """
    begun = partial(Inputs, model, persist=persist, allow_unusual=allow_unusual, device=torch.device(device))
    members = range(len(seeds)) if only is None else [only]
    inputs = begun(sources, start, members=len(members))
    inputs.of(0)
    if perturbation is None:
        return inputs
    step = next(iter(model.steps.values())).step
    numbers_of = partial(_numbers_of, seeds, start, inputs.device)
    for place, member in enumerate(members):
        if not member:
            continue  # the control forecast
        own = {name: MemberSource(source, place) for name, source in sources.items()}
        analysis = Analysis(
            model_of(model, seeds[member]), start, step, partial(begun, own, members=1), numbers_of
        )
        inputs.begin_with(place, perturbation.perturbed(analysis, member, numbers_of(member)))
    return inputs


def _numbers_of(
    seeds: Sequence[Seed], start: np.datetime64, device: torch.device, member: int
) -> torch.Generator:
    """The random numbers of the initial state of one member."""
    return generator_of(seeds[member], start, INITIAL, device)
