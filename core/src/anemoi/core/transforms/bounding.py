"""Bounds that hold for what is forecast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import torch
from torch import Tensor

from ..config.nearest import nearest
from ..domain import Domain
from ..errors import ConfigError
from ..interfaces.transform import Transform
from ._choice import assigned
from ._columns import Columns


class Bounding(Transform):
    """Keeps outputs within bounds: precipitation is never negative, a fraction never above one.

    Data are left as they are on the way in. It works on the way out, in the units at its place in the chain:
    those of the data if it comes first. The bounds hold exactly in float32. Their kinds are those of AIFS
    (Moldovan et al., "An update to ECMWF's machine-learned weather forecast model AIFS", arXiv:2509.18994,
    2025). Beyond a bound the gradient is zero; the leaky forms have a gradient there, and leave a part of the
    excess.

    Fractions come last, after the bounds of the outputs that they are fractions of.

    Parameters
    ----------
    domain
        The variables.
    relu, leaky_relu
        The outputs with a lower bound, by name or pattern: a mapping to it, or a list if it is zero.
    hardtanh, leaky_hardtanh
        The outputs with two bounds, each with a list of both (``tcc: [0, 1]``).
    fraction, leaky_fraction
        The outputs that lie between zero and another output, each with that (``cp: tp``).
    slope
        How much of what is beyond a bound the leaky forms leave.

    Raises
    ------
    ConfigError
        If bounds cross, a variable is no output or matches nothing, two bounds contend for one, or
        fractions go round in a circle.
    """

    minimum: Tensor
    maximum: Tensor

    def __init__(
        self,
        *,
        domain: Domain,
        relu: Mapping[str, float] | Sequence[str] = (),
        leaky_relu: Mapping[str, float] | Sequence[str] = (),
        hardtanh: Mapping[str, tuple[float, float]] | None = None,
        leaky_hardtanh: Mapping[str, tuple[float, float]] | None = None,
        fraction: Mapping[str, str] | None = None,
        leaky_fraction: Mapping[str, str] | None = None,
        slope: float = 0.01,
    ) -> None:
        super().__init__(domain=domain)
        if not 0 < slope < 1:
            raise ConfigError(f"slope: {slope:g} is not between 0 and 1.")
        options: dict[str, Mapping[str, object] | Sequence[str]] = {
            "relu": relu,
            "leaky_relu": leaky_relu,
            "hardtanh": hardtanh or {},
            "leaky_hardtanh": leaky_hardtanh or {},
            "fraction": fraction or {},
            "leaky_fraction": leaky_fraction or {},
        }
        for option, patterns in options.items():
            for pattern in patterns:
                _refuse_forcing(pattern, domain, option=option)
        self._slopes: dict[str, float] = {}
        self._totals: dict[str, str] = {}
        limits: dict[str, tuple[float, float]] = {}
        for name, (option, setting) in assigned(options, domain.outputs, among="output").items():
            kind = option.removeprefix("leaky_")
            self._slopes[name] = 0.0 if kind == option else slope
            if kind == "fraction":
                _refuse_forcing(setting, domain, option=f"{option} of {name}")
                if setting not in domain.outputs:
                    raise ConfigError(
                        f"{option} of {name}: no output is called {setting!r}.",
                        fix=nearest(setting, domain.outputs),
                    )
                self._totals[name] = setting
            else:
                limits[name] = (setting or 0.0, math.inf) if kind == "relu" else setting
                if not limits[name][0] < limits[name][1]:
                    raise ConfigError(
                        f"{option}: the bounds of {name} cross: {limits[name][0]:g} is not below "
                        f"{limits[name][1]:g}."
                    )
        try:
            order = TopologicalSorter({name: (total,) for name, total in self._totals.items()}).static_order()
            self._fractions = tuple(name for name in order if name in self._totals)
        except CycleError as error:
            circle = " of ".join(reversed(error.args[1]))
            raise ConfigError(f"Fractions go round in a circle: {circle}.") from error
        self._limited, self._columns = tuple(limits), Columns()
        # Not part of the weights: they follow from the options.
        minimum, maximum = torch.tensor(list(limits.values()), dtype=torch.float32).reshape(-1, 2).unbind(1)
        self.register_buffer("minimum", minimum, persistent=False)
        self.register_buffer("maximum", maximum, persistent=False)

    @property
    def touches(self) -> frozenset[str]:
        """Those that have a bound."""
        return frozenset(self._slopes)

    @property
    def enforces(self) -> frozenset[str]:
        """Those that have a bound, and those that they are fractions of."""
        return self.touches | frozenset(self._totals.values())

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Leave them as they are."""
        return values

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Keep them within their bounds."""
        place_of = {name: place for place, name in enumerate(names)}
        for slope in sorted(set(self._slopes.values())):
            limited = [name for name in self._limited if name in place_of and self._slopes[name] == slope]
            if limited:
                places, own = [place_of[name] for name in limited], [*map(self._limited.index, limited)]
                minimum, maximum = (
                    self._columns.take(each, own).to(values.dtype) for each in (self.minimum, self.maximum)
                )
                some = self._columns.take(values, places)
                values = self._columns.put(values, places, _kept(some, minimum, maximum, slope))
        for name in self._fractions:
            if name in place_of:
                total = self._columns.take(values, [self._total(name, place_of)])
                places = [place_of[name]]
                some = self._columns.take(values, places)
                # A total that is negative, having no bound, gives negative fractions.
                kept = _kept(some, total.clamp(max=0), total.clamp(min=0), self._slopes[name])
                values = self._columns.put(values, places, kept)
        return values

    def _total(self, name: str, place_of: Mapping[str, int]) -> int:
        total = self._totals[name]
        if total not in place_of:
            raise ConfigError(f"{name} is a fraction of {total}, and cannot be bounded without it.")
        return place_of[total]


def _kept(values: Tensor, minimum: Tensor, maximum: Tensor, slope: float) -> Tensor:
    """Values within bounds, beyond which ``slope`` times the excess is left."""
    kept = torch.clamp(values, minimum, maximum)
    return kept + slope * (values - kept) if slope else kept


def _refuse_forcing(name: str, domain: Domain, *, option: str) -> None:
    if name in domain.forcings:
        raise ConfigError(
            f"{option}: {name} is a forcing, which is not forecast.",
            fix="Bound prognostic or diagnostic ones.",
        )
