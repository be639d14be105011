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
from .journal import ForecastJournal
from .packing import unpacked


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
            raise RequestError(
                f"The source has {count} members, too few for {self._member + 1}.",
                fix=f"Ask for at most {count} members.",
            )
        return fields[:, self._member : self._member + 1]


class MadeMembers:
    """The outputs of members that were computed elsewhere.

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

    def outputs(self, step: int) -> dict[str, Tensor]:
        """The outputs of a step of all members, ``(1, time out, members, grid, outputs)`` by domain."""
        of_members = [
            unpacked(journal.state(step + 1, (-1,)), self._model, 1, self._device)
            for journal in self._journals
        ]
        return {name: torch.cat([each[name] for each in of_members], dim=2) for name in of_members[0]}


def member_place(path: Path, member: int) -> Path:
    """What the hidden journal of a member is called after, beside the first file of the forecast."""
    return path.with_name(f"{path.name}.member-{member}")
