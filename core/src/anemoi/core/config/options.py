"""The options of a component, read from its constructor: signature, types, docstring."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ..plugins import find_kind, part_of

_SECTION = re.compile(r"^Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*)\n((?:[ \t]+[^\n]*\n?|\n)+)", re.MULTILINE)
_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "a multiple of"}
REQUIRED = inspect.Parameter.empty

Spec = Mapping[str, Any]
"""A component as a configuration writes it: its ``name`` and its options."""


@dataclass(frozen=True)
class Component:
    """Marks a value as a component, in the settings that a command declares.

    ``Annotated[Spec, Component("loss")]`` is a loss, by name and with its options;
    ``Annotated[str, Component("forcing")]`` a forcing by its name alone.

    Parameters
    ----------
    kind
        What it must be.
    """

    kind: str


@dataclass(frozen=True)
class Parameter:
    """One thing that a constructor takes.

    Parameters
    ----------
    name
        What it is called.
    type
        Its annotation, resolved; Any where there is none, or where it cannot be resolved.
    default
        Its default, or :data:`REQUIRED`.
    doc
        The first sentence that the docstring has for it, or an empty string.
    """

    name: str
    type: Any
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        default = None if self.required else _plain(self.default)
        return {
            "parameter": self.name,
            "type": type_name(self.type),
            "required": self.required,
            "default": default,
            "doc": self.doc,
        }

    def __str__(self) -> str:
        return f"{self.name}: {type_name(self.type)}" + (
            "" if self.required else f" = {as_written(self.default)!r}"
        )


def options(constructor: Callable[..., Any], *, kind: str | None = None) -> dict[str, Parameter]:
    """The options of a component: what its constructor takes by name, other than what its interface's takes.

    A class that passes ``**kwargs`` on to its base takes what its base takes as well.

    Parameters
    ----------
    constructor
        A class, or a function.
    kind
        The kind of component; None for a class that is none.
    """
    structure = _structure(kind) if kind else frozenset()
    found: dict[str, Parameter] = {}
    for function, doc in _constructors(constructor):
        parameters = inspect.signature(function).parameters.values()
        types, docs = _types(function), parameter_docs(doc)
        for each in parameters:
            named = each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD) and each.name != "self"
            if named and each.name not in found:
                default = _default(constructor, each)
                found[each.name] = Parameter(
                    each.name, types.get(each.name, Any), default, docs.get(each.name, "")
                )
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return {name: parameter for name, parameter in found.items() if name not in structure}


def _structure(kind: str) -> frozenset[str]:
    """What the framework gives to the constructor of a component: what that of its interface takes."""
    interface = part_of(find_kind(kind), "interface")
    constructor = vars(interface).get("__init__") if interface else None
    return frozenset(inspect.signature(constructor).parameters if constructor else ())


def _default(constructor: Any, parameter: inspect.Parameter) -> Any:
    """The default of a parameter; where a dataclass makes it with a factory, what the factory makes."""
    field = getattr(constructor, "__dataclass_fields__", {}).get(parameter.name)
    factory = getattr(field, "default_factory", None)
    return factory() if callable(factory) else parameter.default


def _constructors(constructor: Callable[..., Any]) -> Iterator[tuple[Callable[..., Any], str]]:
    """Each ``__init__`` along the bases, and the docstring that describes it."""
    if not inspect.isclass(constructor):
        yield constructor, inspect.getdoc(constructor) or ""
        return
    for owner in constructor.__mro__:
        if "__init__" in vars(owner) and owner is not object:
            function = vars(owner)["__init__"]
            doc = f"{inspect.cleandoc(owner.__doc__ or '')}\n\n{inspect.cleandoc(function.__doc__ or '')}"
            yield function, doc


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, resolved; those that cannot be are left out.

    One that names what is imported for type checkers only must not cost the others their types.
    """
    resolved = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        types = _resolve(name, annotation, getattr(function, "__globals__", {}))
        resolved.update(types)
    return resolved


def _resolve(name: str, annotation: Any, names: dict[str, Any]) -> dict[str, Any]:
    def holder() -> None: ...

    holder.__annotations__ = {name: annotation}
    try:
        return typing.get_type_hints(holder, names, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        return {}


def as_written(value: Any) -> Any:
    """A value as a configuration writes it: an enum by its value, a dataclass as a section, a path as text.

    A type that a configuration has no words for stays as it is.
    """
    if isinstance(value, enum.Enum):
        return as_written(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: as_written(getattr(value, each.name))
            for each in dataclasses.fields(value)
            if each.init
        }
    if isinstance(value, Mapping):
        return {as_written(key): as_written(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_written(each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def _plain(default: Any) -> Any:
    """A default as JSON; in words where it cannot be."""
    written = as_written(default)
    try:
        json.dumps(written)
    except (TypeError, ValueError):
        return repr(default)
    return written


def component_in(annotation: Any) -> Component | None:
    """The mark of a component in an annotation such as ``Annotated[Spec, Component("loss")]``, or None."""
    metadata = getattr(annotation, "__metadata__", ())
    return next((each for each in metadata if isinstance(each, Component)), None)


def choices(annotation: Any) -> list[str]:
    """The words that an option takes if it is a choice, alone or beside other types; else none."""
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return [str(each.value) for each in annotation]
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return [str(each) for each in arguments]
    if typing.get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType):
        return [word for each in arguments for word in choices(each)]
    return []


def parameter_docs(doc: str) -> dict[str, str]:
    """The first sentence on each parameter in a numpy-style docstring."""
    docs: dict[str, str] = {}
    section = _SECTION.search(doc)
    for entry in _ENTRY.finditer(section[1] if section else ""):
        text = " ".join(textwrap.dedent(entry[2]).split("\n\n")[0].split())
        sentence = re.match(r".*?[.](?=\s|$)", text)
        for name in entry[1].partition(" :")[0].split(","):
            docs[name.strip().lstrip("*")] = sentence[0] if sentence else text
    return docs


def type_name(annotation: Any) -> str:
    """A type as its author would write it, with its bounds: ``int >= 1``, ``'cpu' or 'cuda'``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = [bound for each in arguments[1:] for bound in _bounds(each)]
        if (component := component_in(annotation)) is not None:
            return component.kind
        return " ".join([type_name(arguments[0]), ", ".join(bounds)]).strip()
    if origin is typing.Literal:
        return " or ".join(repr(each) for each in arguments)
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return " or ".join(repr(as_written(each)) for each in annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(each) for each in arguments)
    if annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    name = getattr(origin or annotation, "__name__", None) or str(annotation)
    return f"{name}[{', '.join(type_name(each) for each in arguments)}]" if arguments else name


def _bounds(metadata: Any) -> Iterator[str]:
    """What a piece of an ``Annotated`` demands: pydantic's ``Field(ge=1)`` or annotated-types' ``Ge(1)``."""
    for piece in getattr(metadata, "metadata", None) or [metadata]:
        for attribute, sign in _BOUNDS.items():
            if (bound := getattr(piece, attribute, None)) is not None:
                yield f"{sign} {bound}"
