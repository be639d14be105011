"""Functions of a variable that suit a network better than the variable itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..domain import Domain, Statistics
from ..errors import ConfigError
from ..interfaces.transform import Transform
from ._after import domain_after
from ._choice import assigned
from ._columns import Columns


class Remapper(Transform):
    """Takes the logarithm or the cube root of a variable, or the cosine and sine of an angle.

    A logarithm or a root shortens the long tail of precipitation; the cosine and sine of a direction do not
    jump from 360 to 0.

    ==========  =========================  ========================  ===============================
    option      on the way in              on the way out            defined
    ==========  =========================  ========================  ===============================
    log1p       ``log(1 + x)``             ``exp(x) - 1``            ``x > -1``
    cube_root   the real root              ``x^3``                   everywhere
    angle       ``cos x`` and ``sin x``    ``atan2``, in [0, 360)    everywhere, in degrees
    ==========  =========================  ========================  ===============================

    An angle ``mwd`` becomes ``cos_mwd`` and ``sin_mwd``, in its place; the others keep their names. None
    keeps its units. The statistics of the results do not follow from those of the variables, so they are
    measured on the training data.

    Parameters
    ----------
    domain
        The variables.
    log1p, cube_root, angle
        The variables to remap so, by name or pattern.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, two options contend for a variable, or a name that an angle takes
        belongs to another variable; from :attr:`after`, if statistics have not been measured, or the
        logarithm of a value is not defined.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        log1p: Sequence[str] = (),
        cube_root: Sequence[str] = (),
        angle: Sequence[str] = (),
    ) -> None:
        super().__init__(domain=domain)
        options = {"log1p": log1p, "cube_root": cube_root, "angle": angle}
        self._option = {name: option for name, (option, _) in assigned(options, domain.names).items()}
        self._columns = Columns()
        for name in domain.names:
            for new in self.renamed((name,)):
                if new != name and new in domain.names:
                    raise ConfigError(
                        f"The angle {name} becomes {new}, but there is such a variable already."
                    )

    @cached_property
    def after(self) -> Domain:
        """The variables under their new names, with the statistics that were measured of them."""
        variables, values, changes = [], [], []
        for place, variable in enumerate(self.before.variables):
            old = [
                np.array([each[place] for each in vars(statistics).values()])
                for statistics in (self.before.statistics, self.before.changes)
            ]
            if self._option.get(variable.name) == "log1p" and old[0][2] <= -1:
                raise ConfigError(
                    f"log1p of {variable.name} is not defined: its minimum is {old[0][2]:g}, not above -1.",
                    fix="Take its cube root (cube_root), or another variable.",
                )
            for name in self.renamed((variable.name,)):
                changed = variable.name in self._option
                variables.append(replace(variable, name=name, units=None) if changed else variable)
                row = self._measured(name) if changed else old
                values.append(row[0])
                changes.append(row[1])
        # Each row is mean, stdev, minimum, maximum: the order of the fields.
        return domain_after(
            self, tuple(variables), Statistics(*np.array(values).T), Statistics(*np.array(changes).T)
        )

    @property
    def touches(self) -> frozenset[str]:
        """Those that it remaps."""
        return frozenset(self._option)

    @property
    def measures(self) -> frozenset[str]:
        """Those that it makes."""
        return frozenset(self.renamed(tuple(self._option)))

    def renamed(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names with two for each angle."""
        return tuple(
            new
            for name in names
            for new in ((f"cos_{name}", f"sin_{name}") if self._option.get(name) == "angle" else (name,))
        )

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Remap."""
        sources: list[int] = []  # of each column after it
        cosines, sines = [], []
        for place, name in enumerate(names):
            if self._option.get(name) == "angle":
                cosines.append(len(sources))
                sines.append(len(sources) + 1)
                sources += [place, place]
            else:
                sources.append(place)
        values = self._columns.take(values, sources)  # (..., grid, renamed)
        renamed = self.renamed(names)
        values = self._applied(values, renamed, "log1p", torch.log1p)
        values = self._applied(values, renamed, "cube_root", _cube_root)
        values = self._on(values, cosines, lambda angle: angle.deg2rad().cos())
        return self._on(values, sines, lambda angle: angle.deg2rad().sin())

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Take remapped values back."""
        renamed = self.renamed(names)
        values = self._applied(values, renamed, "log1p", torch.expm1)
        values = self._applied(values, renamed, "cube_root", lambda root: root**3)
        angles = [place for place, name in enumerate(names) if self._option.get(name) == "angle"]
        if not angles:
            return values
        place_of = {name: place for place, name in enumerate(renamed)}
        firsts = [
            place_of[self.renamed((name,))[0]] for name in names
        ]  # each cosine in the place of its angle
        cosines = [firsts[place] for place in angles]
        sines = [place + 1 for place in cosines]
        angle = _angle(self._columns.take(values, cosines), self._columns.take(values, sines))
        return self._columns.put(self._columns.take(values, firsts), angles, angle)

    def _measured(self, name: str) -> np.ndarray:
        if name not in self.before.measured:
            raise ConfigError(
                f"The statistics of {name} after the remapper have not been measured.",
                fix="A domain has them in measured, by that name.",
            )
        return np.asarray(self.before.measured[name])

    def _applied(
        self, values: Tensor, names: Sequence[str], option: str, function: Callable[[Tensor], Tensor]
    ) -> Tensor:
        places = [place for place, name in enumerate(names) if self._option.get(name) == option]
        return self._on(values, places, function)

    def _on(self, values: Tensor, places: Sequence[int], function: Callable[[Tensor], Tensor]) -> Tensor:
        if not places:
            return values
        return self._columns.put(values, places, function(self._columns.take(values, places)))


def _cube_root(values: Tensor) -> Tensor:
    # The slope at zero is infinite, and precipitation often is zero: there it is taken as none.
    size = values.abs().clamp_min(torch.finfo(values.dtype).tiny)
    return values.sign() * size.pow(1 / 3)


def _angle(cosine: Tensor, sine: Tensor) -> Tensor:
    """The angle in degrees, in [0, 360)."""
    # The origin has no direction: zero degrees. Older torch gives a gradient of NaN there (pytorch#165427).
    cosine = torch.where((cosine == 0) & (sine == 0), torch.ones_like(cosine), cosine)
    angle = torch.atan2(sine, cosine).rad2deg().remainder(360)
    return torch.where(angle >= 360, angle - 360, angle)  # A tiny negative angle rounds to 360.
