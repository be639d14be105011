"""Numbers where a variable is undefined, as sea-surface temperature is over land."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..domain import Domain
from ..errors import ConfigError
from ..interfaces.transform import Transform
from ._choice import assigned
from ._columns import Columns


class Imputer(Transform):
    """Fills in what is missing, and takes it out again where it is missing at all times.

    On the way in, each NaN of a variable that may be missing becomes a number; on the way out, exactly the
    cells in ``domain.missing`` become NaN again. Values that are missing elsewhere, now and then, are filled
    in and then forecast. NaNs of variables that are neither declared as such nor chosen by an option stay.

    The domain after it is the domain before: statistics leave out what is missing, and ``missing`` still
    says where a variable has no meaning.

    Parameters
    ----------
    domain
        The variables; those with ``may_be_missing`` are filled in.
    default
        How those are filled in that no other option chooses: by their mean over time and space where they
        are defined, or by ``value``.
    value
        The constant for all that are filled in by a constant without a value of their own.
    mean
        The variables to fill in by their mean, by name or pattern.
    constant
        The variables to fill in by a constant: a list, or a mapping with the value of each.

    Raises
    ------
    ConfigError
        If a constant has no value, a pattern matches nothing, or two options contend for a variable.
    """

    fill: Tensor
    mask: Tensor

    def __init__(
        self,
        *,
        domain: Domain,
        default: Literal["mean", "constant"] = "mean",
        value: float | None = None,
        mean: Sequence[str] = (),
        constant: Mapping[str, float | None] | Sequence[str] = (),
    ) -> None:
        super().__init__(domain=domain)
        if default == "constant" and value is None:
            raise ConfigError(
                "default: constant has no value to fill anything in with.", fix="Give one for all: value: 0.0"
            )
        chosen = assigned({"mean": mean, "constant": constant}, domain.names)
        for variable in domain.variables:
            if variable.may_be_missing:
                chosen.setdefault(variable.name, (default, None))
        self._filled = tuple(name for name in domain.names if name in chosen)
        fill = []
        for name, place in zip(self._filled, domain.columns(self._filled), strict=True):
            method, own = chosen[name]
            if method == "mean":
                number = float(domain.statistics.mean[place])
                if not math.isfinite(number):
                    raise ConfigError(
                        f"{name} has no mean to fill in: it has no values.",
                        fix=f"Give it a constant: constant: {{{name}: 0.0}}",
                    )
            else:
                number = own if own is not None else value if value is not None else math.nan
                if not math.isfinite(number):
                    raise ConfigError(
                        f"An imputer has no value to fill {name} in with.",
                        fix=f"Give one for all (value: 0.0), or its own (constant: {{{name}: 0.0}}).",
                    )
            fill.append(number)
        self._masked = tuple(name for name in self._filled if name in domain.missing)
        masks = [domain.missing[name] for name in self._masked]
        mask = np.stack(masks, axis=-1) if masks else np.zeros((len(domain.grid), 0), dtype=bool)
        self._columns = Columns()
        # Not part of the weights: the checkpoint keeps the domain, and they follow from it.
        self.register_buffer("fill", torch.tensor(fill, dtype=torch.float32), persistent=False)
        self.register_buffer("mask", torch.tensor(mask), persistent=False)  # (grid, masked)

    @property
    def touches(self) -> frozenset[str]:
        """Those that it fills in."""
        return frozenset(self._filled)

    @property
    def enforces(self) -> frozenset[str]:
        """The outputs that are missing somewhere at all times."""
        return frozenset(self._masked).intersection(self.before.outputs)

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Fill in."""
        places = [place for place, name in enumerate(names) if name in self._filled]
        if not places:
            return values
        some = self._columns.take(values, places)
        fill = self._columns.take(self.fill, [self._filled.index(names[place]) for place in places])
        return self._columns.put(values, places, torch.where(some.isnan(), fill.to(some.dtype), some))

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Take out again."""
        places = [place for place, name in enumerate(names) if name in self._masked]
        if not places:
            return values
        some = self._columns.take(values, places)
        mask = self._columns.take(self.mask, [self._masked.index(names[place]) for place in places])
        return self._columns.put(values, places, some.masked_fill(mask, math.nan))
