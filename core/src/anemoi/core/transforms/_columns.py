"""Some columns of a field: taken out, and put back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Columns:
    """Indices into the last axis, each made once on each device.

    An index made anew at every call would be copied to the device every time, and make the host wait for it.
    """

    def __init__(self) -> None:
        self._indices: dict[tuple[torch.device, tuple[int, ...]], Tensor] = {}

    def index(self, places: Sequence[int], device: torch.device) -> Tensor:
        """The places as a tensor on the device, ``(len(places),)``."""
        key = (device, tuple(places))
        if key not in self._indices:
            # A tensor made in inference mode could not serve a training afterwards.
            with torch.inference_mode(False):
                self._indices[key] = torch.tensor(key[1], dtype=torch.int64, device=device)
        return self._indices[key]

    def take(self, values: Tensor, places: Sequence[int]) -> Tensor:
        """Some columns, ``(..., len(places))``; the same tensor if they are all of them in order."""
        if list(places) == list(range(values.shape[-1])):
            return values
        return values.index_select(-1, self.index(places, values.device))

    def put(self, values: Tensor, places: Sequence[int], columns: Tensor) -> Tensor:
        """The same field with some columns replaced; it is left as it is, the result is a copy."""
        if list(places) == list(range(values.shape[-1])):
            return columns
        return values.index_copy(-1, self.index(places, values.device), columns)
