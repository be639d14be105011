"""What an operator may say about how long and how much is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class KeepingSettings:
    """The section ``keeping``.

    Parameters
    ----------
    age
        How long finished jobs and their results are kept; for ever if none is given.
    quota
        How much the results of one user may take, in GiB; without limit if none is given.
    queue
        How many jobs of one user may wait.
    """

    age: str | None = "30d"
    quota: Annotated[float, Field(gt=0)] | None = None
    queue: Annotated[int, Field(ge=1)] = 100
