"""What an operator may say about requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """The section ``http``.

    Parameters
    ----------
    upload_limit
        How large a model may be that is uploaded, in GiB.
    """

    upload_limit: Annotated[float, Field(gt=0)] = 4.0
