"""What each component hears of the others, checked against what their checkpoints take and give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.errors import ConfigError
from anemoi.core.times import format_duration
from anemoi.core.units import Conversion, conversion
from anemoi.core.variable import Variable
from numpy.typing import NDArray

Place = tuple[str, str]
"""A component, and one of its domains."""


@dataclass(frozen=True)
class Link:
    """One forcing of a component, and the variable of another that it comes from.

    Parameters
    ----------
    to, forcing
        Which domain of which component hears what.
    of, variable
        Where that comes from.
    conversion
        From the units of the other to those of the component.
    words
        Both, as they are written.
    """

    to: Place
    forcing: str
    of: Place
    variable: str
    conversion: Conversion
    words: str

    def __str__(self) -> str:
        return self.words

    def converted(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of the other in the units of the component."""
        if self.conversion == Conversion(1.0):
            return values
        return (values.astype(np.float64) * self.conversion.factor + self.conversion.offset).astype(
            np.float32
        )


def links_of(
    checkpoints: Mapping[str, Checkpoint], forcings: Mapping[str, Mapping[str, str]]
) -> tuple[Link, ...]:
    """Check what components hear of each other.

    Parameters
    ----------
    checkpoints
        Of each component.
    forcings
        Of each component: its forcings that come from another, each as COMPONENT.VARIABLE. Variables of a
        component with several domains are DOMAIN.VARIABLE, here and there.

    Raises
    ------
    ConfigError
        With everything that is wrong: components, domains and variables that are not there, forcings that a
        checkpoint does not read at every step, units that cannot be converted, sums over other times.
    """
    found: list[Link] = []
    faults: list[str] = []
    for component, heard in forcings.items():
        for forcing, origin in heard.items():
            wrong = list(_faults(checkpoints, component, forcing, origin))
            faults += [f"components.{component}.forcings.{forcing}: {fault}" for fault in wrong]
            if not wrong:
                found.append(_link(checkpoints, component, forcing, origin))
    if faults:
        raise ConfigError(
            "\n".join(faults), fix="What a checkpoint takes and gives: anemoi checkpoint inspect FILE"
        )
    return tuple(found)


def _link(checkpoints: Mapping[str, Checkpoint], component: str, forcing: str, origin: str) -> Link:
    """One that nothing is wrong with."""
    other, _, rest = origin.partition(".")
    domain, name = _split(checkpoints[component], forcing)
    their_domain, variable = _split(checkpoints[other], rest)
    how = _conversion(
        checkpoints[other].domains[their_domain][variable], checkpoints[component].domains[domain][name]
    )
    assert how is not None  # which _faults has told of
    words = f"{component}.{forcing} from {origin}"
    return Link((component, domain), name, (other, their_domain), variable, how, words)


def _faults(
    checkpoints: Mapping[str, Checkpoint], component: str, forcing: str, origin: str
) -> Iterator[str]:
    other, _, rest = origin.partition(".")
    domain, name = _split(checkpoints[component], forcing)
    ours = checkpoints[component].domains.get(domain)
    moving = [] if ours is None else [each for each in ours.forcings if each not in ours.fixed]
    if ours is None:
        yield f"write DOMAIN.VARIABLE; {_domains(component, checkpoints[component])}."
    elif name not in moving:
        yield (
            f"the checkpoint reads no forcing of that name at every step; it reads "
            f"{', '.join(moving) or 'none'}."
        )
    if other not in checkpoints:
        yield f"there is no component {other!r}; there are {', '.join(checkpoints)}."
        return
    if other == component:
        yield "a component does not hear itself."
        return
    their_domain, variable = _split(checkpoints[other], rest)
    theirs = checkpoints[other].domains.get(their_domain)
    if theirs is None:
        yield f"write {other}.DOMAIN.VARIABLE; {_domains(other, checkpoints[other])}."
    elif variable not in theirs.outputs:
        to_write = f"{origin.removesuffix(variable).rstrip('.')}.VARIABLE"
        yield f"{other} forecasts no {variable!r}; write {to_write}, one of {', '.join(theirs.outputs)}."
    elif ours is not None and name in moving:
        over, wanted = theirs[variable].statistic, ours[name].statistic
        if over and wanted and over != wanted:
            told = [f"{how} over {format_duration(time)}" for how, time in (over, wanted)]
            yield f"{origin} is {told[0]}, the forcing {told[1]}."
        if _conversion(theirs[variable], ours[name]) is None:
            yield (
                f"{origin} is in {theirs[variable].units}, which cannot be converted to {ours[name].units}."
            )


def _split(checkpoint: Checkpoint, text: str) -> tuple[str, str]:
    """The domain and the variable that are meant; the domain need not be there."""
    if len(checkpoint.domains) == 1:
        return next(iter(checkpoint.domains)), text
    domain, _, variable = text.partition(".")
    return domain, variable


def _domains(component: str, checkpoint: Checkpoint) -> str:
    return f"{component} has the domains {', '.join(checkpoint.domains)}"


def _conversion(theirs: Variable, ours: Variable) -> Conversion | None:
    """From the units of one to those of the other: none is needed where either is unknown."""
    if theirs.units is None or ours.units is None:
        return Conversion(1.0)
    return conversion(ours.name, theirs.units, ours.units)
