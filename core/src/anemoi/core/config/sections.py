"""A section of a configuration: its keys, and from its checked values to what its constructor takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from .options import Parameter, Spec

# Strict, and given JSON: a list may become a tuple, a text a date; but "8" is no number, 1 no truth value.
_STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
PREFIX = "option_"
"""What the names of a section's fields begin with; see :class:`Section`."""

MakePart = Callable[[str, Spec], Any]
"""Makes what the constructor of a component receives for a component of its own, from kind and section."""


@dataclass(frozen=True)
class Option:
    """A key of a configuration: the parameter that takes its value.

    Parameters
    ----------
    owner
        The component or section, in words.
    parameter
        The parameter of its constructor.
    """

    owner: str
    parameter: Parameter


class Section(BaseModel):
    """A section of a configuration, as its constructor takes it.

    Its fields carry a prefix and are known by their alias, so that an option may have any name,
    those of pydantic's own attributes included.
    """

    model_config = _STRICT

    maker: ClassVar[Callable[[dict[str, Any], MakePart], Any]] = lambda given, make_part: given
    """Makes the object that the values go to."""

    def given(self, make_part: MakePart) -> dict[str, Any]:
        """The values that were given, as the constructor takes them, in the schema's order."""
        return {
            name.removeprefix(PREFIX): _built(getattr(self, name), make_part)
            for name in type(self).model_fields
            if name in self.model_fields_set
        }

    def built(self, make_part: MakePart) -> Any:
        """The object that the values make: a dataclass, a mapping, or a component's section."""
        return type(self).maker(self.given(make_part), make_part)


def _built(value: Any, make_part: MakePart) -> Any:
    if isinstance(value, Section):
        return value.built(make_part)
    if isinstance(value, (list, tuple)):
        return type(value)(_built(each, make_part) for each in value)
    return value
