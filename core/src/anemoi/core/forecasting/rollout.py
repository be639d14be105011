"""The forecast itself: each state from the last ones, one after another."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import forcings
from ..checkpoint import Checkpoint, build_model, load
from ..interfaces.data_source import DataSource
from ..interfaces.output import ForecastDescription, State
from ..model import ForecastModel
from ..provenance import provenance
from ..times import parse_date
from .initial import initial_states, lead_times


def forecast(
    checkpoint: Checkpoint | str | os.PathLike[str],
    source: DataSource,
    date: str | datetime | np.datetime64,
    lead_time: str | timedelta | np.timedelta64,
    *,
    members: int = 1,
    device: str | torch.device = "cpu",
    model: ForecastModel | None = None,
    trust_code: bool = False,
    allow_different_versions: bool = False,
) -> Iterator[State]:
    """Forecast the states after ``date``, up to ``lead_time``.

    Everything is checked before this returns; each state is computed when it is asked for.

    Parameters
    ----------
    checkpoint
        A checkpoint, or the path of one.
    source
        Where the initial states are read, in the units of the training data.
    date
        The time to start from, UTC.
    lead_time
        How far: ``"72h"``, ``"10d"``.
    members
        How many ensemble members.
    device
        Where to compute: ``"cpu"``, ``"cuda"``.
    model
        The checkpoint's model where it is built already, for many forecasts; built anew if None.
    trust_code, allow_different_versions
        See :func:`anemoi.core.checkpoint.build_model`.

    Yields
    ------
    State
        At each step after ``date``, in order of lead time.

    Raises
    ------
    AnemoiError
        If the checkpoint, its plugins, the source, the date or the lead time will not do.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load(checkpoint)
    start, leads = parse_date(date), lead_times(checkpoint, lead_time)
    if model is None:
        model = build_model(
            checkpoint, trust_code=trust_code, allow_different_versions=allow_different_versions
        )
    fields = initial_states(checkpoint, source, start, input_steps=model.input_steps, members=members)
    return _states(checkpoint, model.to(device).eval(), start, leads, torch.from_numpy(fields).to(device))


def _states(
    checkpoint: Checkpoint,
    model: ForecastModel,
    start: np.datetime64,
    leads: NDArray[np.timedelta64],
    fields: Tensor,
) -> Iterator[State]:
    grid, step = checkpoint.grid, checkpoint.frequency
    states = model.normalise(fields)[None]  # (batch 1, input_steps, ensemble, grid, variable)
    for lead in leads:
        now = np.array([start + lead - step])
        known = forcings.compute(model.forcings, grid.latitudes, grid.longitudes, now)  # (1, grid, forcing)
        states = _advance(model, states, torch.from_numpy(known).to(states.device))
        # Plugins that listen to forecast steps are told of each state here.
        yield State(start, lead, model.denormalise(states[0, -1]).cpu().numpy())


@torch.inference_mode()
def _advance(model: ForecastModel, states: Tensor, known: Tensor) -> Tensor:
    """Put the next state behind the last ones and drop the oldest; the shape stays."""
    return torch.cat([states[:, 1:], model(states, known)[:, None]], dim=1)


def describe(
    checkpoint: Checkpoint,
    source: DataSource,
    date: str | datetime | np.datetime64,
    lead_time: str | timedelta | np.timedelta64,
    *,
    members: int = 1,
) -> ForecastDescription:
    """Say what :func:`forecast` with the same arguments will yield, for the output that takes it."""
    return ForecastDescription(
        start=parse_date(date),
        lead_times=lead_times(checkpoint, lead_time),
        members=members,
        variables=checkpoint.variables,
        grid=checkpoint.grid,
        units=checkpoint.units,
        provenance=provenance(
            kind="forecast",
            identity=str(uuid.uuid4()),  # its contents are not known yet, so they cannot name it
            parents=[
                {**checkpoint.provenance, "kind": "checkpoint", "identity": checkpoint.identity},
                {**source.provenance, "kind": "dataset"},
            ],
        ),
    )
