"""What each component hears of the others, checked against what their checkpoints take and give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.times import format_duration
from anemoi.core.units import Conversion, conversion
from numpy.typing import NDArray


@dataclass(frozen=True)
class Link:
    """One forcing of a component, and the variable of another that it comes from.

    Parameters
    ----------
    component, forcing
        Which hears what.
    other, variable
        Where that comes from.
    conversion
        From the units of the other to those of the component.
    """

    component: str
    forcing: str
    other: str
    variable: str
    conversion: Conversion

    def __str__(self) -> str:
        return f"{self.component}.{self.forcing} from {self.other}.{self.variable}"

    def converted(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of the other in the units of the component."""
        if self.conversion == Conversion(1.0):
            return values
        return (values.astype(np.float64) * self.conversion.factor + self.conversion.offset).astype(
            np.float32
        )


def domain_of(checkpoint: Checkpoint) -> Domain:
    """The only domain of a checkpoint."""
    (domain,) = checkpoint.domains.values()
    return domain


def links_of(
    checkpoints: Mapping[str, Checkpoint], forcings: Mapping[str, Mapping[str, str]]
) -> tuple[Link, ...]:
    """Check what components hear of each other.

    Parameters
    ----------
    checkpoints
        Of each component.
    forcings
        Of each component: its forcings that come from another, each as COMPONENT.VARIABLE.

    Raises
    ------
    ConfigError
        With everything that is wrong: checkpoints of several domains, components and variables that are not
        there, forcings that a checkpoint does not read at every step, units that cannot be converted, sums
        over other times.
    """
    several = [name for name, checkpoint in checkpoints.items() if len(checkpoint.domains) > 1]
    if several:
        raise ConfigError(
            f"The checkpoint of {', '.join(several)} has several domains; a component has one.",
            fix="Forecast with it alone: its domains hear each other already.",
        )
    found: list[Link] = []
    faults: list[str] = []
    for component, heard in forcings.items():
        for forcing, origin in heard.items():
            other, _, variable = origin.partition(".")
            wrong = list(_faults(checkpoints, component, forcing, other, variable))
            faults += [f"components.{component}.forcings.{forcing}: {fault}" for fault in wrong]
            if not wrong:
                theirs, ours = _units(checkpoints, component, forcing, other, variable)
                how = Conversion(1.0) if theirs is None or ours is None else conversion(forcing, theirs, ours)
                if how is None:
                    faults.append(
                        f"components.{component}.forcings.{forcing}: {origin} is in {theirs}, which cannot "
                        f"be converted to {ours}."
                    )
                else:
                    found.append(Link(component, forcing, other, variable, how))
    if faults:
        raise ConfigError(
            "\n".join(faults), fix="What a checkpoint takes and gives: anemoi checkpoint inspect FILE"
        )
    return tuple(found)


def _faults(
    checkpoints: Mapping[str, Checkpoint], component: str, forcing: str, other: str, variable: str
) -> Iterator[str]:
    domain = domain_of(checkpoints[component])
    moving = [name for name in domain.forcings if name not in domain.fixed]
    if forcing not in moving:
        yield (
            f"the checkpoint reads no forcing of that name at every step; it reads "
            f"{', '.join(moving) or 'none'}."
        )
    if other not in checkpoints:
        yield f"there is no component {other!r}; there are {', '.join(checkpoints)}."
    elif other == component:
        yield "a component does not hear itself."
    elif variable not in domain_of(checkpoints[other]).outputs:
        given = ", ".join(domain_of(checkpoints[other]).outputs)
        yield f"{other} forecasts no {variable!r}; write {other}.VARIABLE, one of {given}."
    elif forcing in moving:
        over, wanted = (domain_of(checkpoints[other])[variable].statistic, domain[forcing].statistic)
        if over and wanted and over != wanted:
            told = [f"{how} over {format_duration(time)}" for how, time in (over, wanted)]
            yield f"{other}.{variable} is {told[0]}, the forcing {told[1]}."


def _units(
    checkpoints: Mapping[str, Checkpoint], component: str, forcing: str, other: str, variable: str
) -> tuple[str | None, str | None]:
    return domain_of(checkpoints[other])[variable].units, domain_of(checkpoints[component])[forcing].units
