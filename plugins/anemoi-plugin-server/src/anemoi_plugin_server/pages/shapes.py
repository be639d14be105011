"""What an option looks like in a form, read from its annotation."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from anemoi.core.config import Component
from anemoi.core.config.options import choices

from ..job import Choice, Unit
from ..jobs.terms import DATE

Widget = Literal[
    "text", "date", "integer", "number", "checkbox", "select", "list", "component", "section", "json"
]

_UNIONS: Final = (typing.Union, types.UnionType)
_NUMBERS: Final[Mapping[Any, Widget]] = {bool: "checkbox", int: "integer", float: "number", str: "text"}


@dataclass(frozen=True)
class Shape:
    """How a value is given and shown.

    Parameters
    ----------
    widget
        What it is typed or chosen with.
    optional
        Whether it may be None.
    of
        For a list, the widget of its items.
    words
        What may be chosen, where the type says so; of a list, for its items.
    component, choice
        The kind of component, or of thing that the server offers, that is chosen by name; as ``words``.
    unit
        Its units, or an empty string.
    bounds
        The range: ``{"ge": 1, "le": 100}``.
    """

    widget: Widget
    optional: bool = False
    of: Widget = "text"
    words: tuple[str, ...] = ()
    component: str = ""
    choice: str = ""
    unit: str = ""
    bounds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def range(self) -> str:
        """The bounds in words: ``1 to 100``, ``at least 1``, ``more than 0``."""
        low = [f"{word} {self.bounds[sign]:g}" for sign, word in _LOW.items() if sign in self.bounds]
        high = [f"{word} {self.bounds[sign]:g}" for sign, word in _HIGH.items() if sign in self.bounds]
        if set(self.bounds) == {"ge", "le"}:
            return f"{self.bounds['ge']:g} to {self.bounds['le']:g}"
        return " and ".join(low + high)


_LOW = {"ge": "at least", "gt": "more than"}
_HIGH = {"le": "at most", "lt": "less than"}


def shape_of(annotation: Any) -> Shape:
    """The shape of an option of this type; what no field is made for is written as JSON."""
    members, marks = _taken_apart(annotation)
    optional = type(None) in members
    plain = [member for member in members if member is not type(None)]
    units = [mark.name for mark in marks if isinstance(mark, Unit)]
    common: dict[str, Any] = {
        "optional": optional,
        "unit": units[0] if units else "",
        "bounds": dict(_bounds(marks)),
    }
    for mark in marks:
        if isinstance(mark, Component):
            by_name = plain == [str]
            return Shape("select" if by_name else "component", component=mark.kind, **common)
        if isinstance(mark, Choice):
            return Shape("select", choice=mark.of, **common)
    words = tuple(choices(annotation))
    if words and all(typing.get_origin(each) is Literal or not choices(each) for each in plain):
        return Shape("select", words=words, **common)
    if plain == [str] and any(getattr(piece, "pattern", None) == DATE for piece in _pieces(marks)):
        return Shape("date", **common)
    if len(plain) != 1:
        return Shape("text" if set(plain) <= {str} else "json", **common)
    return _of_type(plain[0], words, common)


def _of_type(plain: Any, words: tuple[str, ...], common: Mapping[str, Any]) -> Shape:
    if words:
        return Shape("select", words=words, **common)
    if plain in _NUMBERS:
        return Shape(_NUMBERS[plain], **common)
    if inspect.isclass(plain) and dataclasses.is_dataclass(plain):
        return Shape("section", **common)
    if typing.get_origin(plain) in (list, tuple, Sequence):
        items = [shape_of(each) for each in typing.get_args(plain) if each is not Ellipsis]
        if {each.widget for each in items} in ({"text"}, {"integer"}, {"number"}, {"select"}):
            first = items[0]
            return Shape("list", of=first.widget, words=first.words, component=first.component, **common)
    return Shape("json", **common)


def _taken_apart(annotation: Any) -> tuple[list[Any], list[Any]]:
    """The members of a union, and all marks of an annotation, at whatever depth they are written."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *own = typing.get_args(annotation)
        members, marks = _taken_apart(inner)
        return members, [*own, *marks]
    if typing.get_origin(annotation) in _UNIONS:
        parts = [_taken_apart(each) for each in typing.get_args(annotation)]
        return [each for members, _ in parts for each in members], [m for _, marks in parts for m in marks]
    return [annotation], []


def _bounds(marks: list[Any]) -> Iterator[tuple[str, float]]:
    """The bounds among marks: pydantic's ``Field(ge=1)`` or annotated-types' ``Ge(1)``."""
    for piece in _pieces(marks):
        for sign in (*_LOW, *_HIGH):
            if isinstance(bound := getattr(piece, sign, None), (int, float)):
                yield sign, bound


def _pieces(marks: list[Any]) -> Iterator[Any]:
    """What marks consist of: a ``Field`` of pydantic of several pieces, others of themselves."""
    for mark in marks:
        yield from getattr(mark, "metadata", None) or [mark]
