"""Members of a forecast that are computed apart from each other, and put together again to the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..delegating import DelegatingSource
from ..errors import RequestError
from ..interfaces.data_source import DataSource, Times
from ..model import ForecastModel
from .initial import Sources
from .journal import ForecastJournal
from .packing import Which, unpacked

Seed = tuple[int, ...]
"""What decides the random numbers of one member, and of several networks which makes it."""

INITIAL = 2**32 - 1
"""The number that stands for the initial state among those of the steps."""


class MemberSource(DelegatingSource[DataSource]):
    """One member of a source; of a source of one member, which all members start from, that one.

    Parameters
    ----------
    source
        The source.
    member
        Which one, from zero.
    """

    def __init__(self, source: DataSource, /, member: int) -> None:
        super().__init__(source)
        self._member = member

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the member, ``(time, 1, grid, variable)``.

        Raises
        ------
        RequestError
            If the source has too few members.
        """
        fields = self._source.read(times)
        count = fields.shape[1]
        if count == 1:
            return fields
        if self._member >= count:
            raise too_few(count, self._member + 1)
        return fields[:, self._member : self._member + 1]


class MadeMembers:
    """The inputs and outputs of members that were computed elsewhere.

    Parameters
    ----------
    paths
        The journal of each member.
    model
        Whose outputs they are.
    device
        Where they go.
    """

    def __init__(self, paths: Sequence[str], model: ForecastModel, device: torch.device) -> None:
        self._journals = [ForecastJournal(Path(path), {}, {}) for path in paths]
        self._model, self._device = model, device

    def inputs(self) -> dict[str, Tensor]:
        """The inputs of the first step of all members, ``(1, time in, members, grid, inputs)`` by domain."""
        return self._states(0, "inputs")

    def outputs(self, step: int) -> dict[str, Tensor]:
        """The outputs of a step of all members, ``(1, time out, members, grid, outputs)`` by domain."""
        return self._states(step + 1, "outputs")

    def _states(self, number: int, which: Which) -> dict[str, Tensor]:
        of_members = [
            unpacked(journal.state(number, (-1,)), self._model, 1, self._device, which)
            for journal in self._journals
        ]
        return {name: torch.cat([each[name] for each in of_members], dim=2) for name in of_members[0]}


def seeds_of(seed: int | Sequence[int], members: int) -> tuple[Seed, ...]:
    """Give the seed of each member: of one for all, the first member has it as a single forecast would.

    Raises
    ------
    RequestError
        If there are several seeds, but not one for each member.
    """
    if isinstance(seed, int) or len(seed) == 1:
        (one,) = (seed,) if isinstance(seed, int) else seed
        return tuple((one, member) if member else (one,) for member in range(members))
    if len(seed) != members:
        raise RequestError(
            f"There are {len(seed)} seeds for {members} member{'s' * (members > 1)}.",
            fix="Give one for all, or one for each.",
        )
    if len(set(seed)) < len(seed):
        raise RequestError(f"Two members have one seed: {', '.join(map(str, seed))}.", fix="Choose others.")
    return tuple((each,) for each in seed)


def generator_of(seed: Seed, start: np.datetime64, number: int, device: torch.device) -> torch.Generator:
    """Random numbers of one member at one step, whatever was drawn before, so that a forecast can be resumed.

    Parameters
    ----------
    seed
        Of the member.
    start
        The time that the forecast starts from.
    number
        Of the step, from 0; :data:`INITIAL` for its initial state.
    device
        Where they are drawn.
    """
    since = int(start.astype("datetime64[s]").astype(np.int64)) % 2**32
    drawn = np.random.SeedSequence([*seed, since, number]).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(drawn >> np.uint64(1)))


def model_of(model: ForecastModel, seed: Seed) -> ForecastModel:
    """The model that makes one member; several networks take turns with the members of one seed."""
    return model.with_network(sum(seed))


def check_members(
    model: ForecastModel,
    sources: Sources,
    start: np.datetime64,
    seeds: Sequence[Seed],
    *,
    perturbed: bool,
    differ_elsewhere: bool = False,
) -> None:
    """Check that the members of a forecast would differ.

    Parameters
    ----------
    model, sources, start, seeds
        Those of the forecast; a seed for each member.
    perturbed
        Whether a perturbation gives them initial states of their own.
    differ_elsewhere
        Whether they may be the same by themselves, because what they hear later differs.

    Raises
    ------
    RequestError
        If some would be the same, or a source has fewer members, but more than one.
    """
    members = len(seeds)
    if members == 1:
        return
    for count in _counts(sources, start):
        if count not in (1, *range(members, count + 1)):
            raise too_few(count, members)
    if not differ_elsewhere and not members_differ(model, sources, start, seeds, perturbed=perturbed):
        raise not_all_differ(members, len(model.network.networks))


def members_differ(
    model: ForecastModel,
    sources: Sources,
    start: np.datetime64,
    seeds: Sequence[Seed],
    *,
    perturbed: bool,
) -> bool:
    """Whether members come to differ by the objective, by a source, a perturbation, or their network."""
    if perturbed or model.objective.stochastic or max(_counts(sources, start)) > 1:
        return True
    return len({model_of(model, seed).network for seed in seeds}) == len(seeds)


def _counts(sources: Sources, start: np.datetime64) -> list[int]:
    """How many members each source has."""
    return [source.read([start]).shape[1] for source in sources.values()]


def not_all_differ(members: int, networks: int = 1) -> RequestError:
    """The error of members that are the same, or some of them, of a checkpoint with so many networks."""
    ways = (
        "perturb the initial state (--perturb NAME); or start from a source that has members; or train an "
        "objective whose members differ: objective=ensemble."
    )
    if networks == 1:
        return RequestError(
            f"All {members} members would be the same: the objective of the checkpoint draws no random "
            "numbers, and the source has one member.",
            fix=f"Ask for one member; or {ways}",
        )
    return RequestError(
        f"Some of {members} members would be the same: the checkpoint has {networks} networks, its objective "
        "draws no random numbers, and the source has one member.",
        fix=f"Ask for at most {networks} members, with one seed for all; or {ways}",
    )


def too_few(count: int, members: int) -> RequestError:
    """The error of a source that has ``count`` members where ``members`` are asked for."""
    return RequestError(
        f"The source has {count} members, too few for {members}.", fix=f"Ask for at most {count} members."
    )


def member_place(path: Path, member: int) -> Path:
    """What the hidden journal of a member is called after, beside the first file of the forecast."""
    return path.with_name(f"{path.name}.member-{member}")
