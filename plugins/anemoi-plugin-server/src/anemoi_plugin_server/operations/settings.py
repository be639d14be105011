"""What an operator may say about the running of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class OperationsSettings:
    """The section ``operations``.

    Parameters
    ----------
    log
        How lines of the log are written: ``text`` for people, ``json`` for programs.
    reserve
        How much of the disk stays free, in GiB: with less there no job is taken, and the server is not ready.
    grace
        How many seconds answers that are being given may take when the server ends.
    """

    log: Literal["text", "json"] = "text"
    reserve: Annotated[float, Field(ge=0)] = 1.0
    grace: Annotated[float, Field(ge=0)] = 30.0
