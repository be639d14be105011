"""From the constructors of a configuration to pydantic models of its sections.

What a section may hold follows from the annotation of the parameter that takes it: a dataclass, a component
(:class:`~anemoi.core.config.Component`), a list, mapping or union of these. Pydantic checks any other type.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from ..errors import AnemoiError, ConfigError
from ..interfaces import ChecksOptions
from ..plugins import components
from .components import NAME, constructor_of, describe, named_by
from .nearest import nearest, provider
from .options import REQUIRED, Parameter, Spec, component_in, options
from .sections import PREFIX, MakePart, Option, Section

_UNIONS = (typing.Union, types.UnionType)
_LISTS = (list, tuple, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)


class ModelMaker:
    """Makes models, and collects the options and faults that it comes across."""

    def __init__(self, *, trust_code: bool, within: tuple[Any, ...] = ()) -> None:
        self.trust_code = trust_code
        self.within = within  # the dataclasses whose optional sections are being described
        self.options: dict[str, Option] = {}
        self.faults: dict[str, AnemoiError] = {}

    def section(
        self,
        constructor: Callable[..., Any],
        owner: str,
        values: Mapping[str, Any],
        at: str,
        *,
        kind: str | None = None,
        default: Any = None,
    ) -> type[Section]:
        """The model of what ``constructor`` takes, for the components that ``values`` name.

        Parameters
        ----------
        default
            An instance whose fields stay as they are where nothing is given; None for the constructor's.
        """
        fields: dict[str, Any] = {}
        for parameter in options(constructor, kind=kind).values():
            if default is not None and hasattr(default, parameter.name):
                parameter = dataclasses.replace(parameter, default=getattr(default, parameter.name))
            key = f"{at}.{parameter.name}" if at else parameter.name
            self.options[key] = Option(owner, parameter)
            value = values.get(parameter.name, parameter.default)
            accepted = self.accepted(parameter.type, value, key, parameter.default)
            fields[PREFIX + parameter.name] = (accepted, _field(parameter))
        model = create_model(at or "configuration", __base__=Section, **fields)
        make = constructor if default is None else partial(dataclasses.replace, default)
        model.maker = lambda given, make_part: make(**given)
        return model

    def accepted(self, annotation: Any, value: Any, key: str, default: Any = None) -> Any:
        """The type that pydantic checks ``value`` against: ``annotation``, its sections put in as models."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if not _holds_sections(annotation):
            return annotation if _is_checkable(annotation) else Any
        if (mark := component_in(annotation)) is not None:
            return self.component(mark.kind, arguments[0], value, key)
        if origin is Annotated:
            return Annotated[(self.accepted(arguments[0], value, key, default), *arguments[1:])]
        if origin in _UNIONS:
            return self.union(arguments, value, key, default)
        if origin in _LISTS:
            return self.items(origin, arguments, value, key)
        if origin in _MAPPINGS and isinstance(value, Mapping):
            return self.mapping(arguments[1], value, key)
        if origin is None:
            owner = f"{annotation.__module__}.{annotation.__qualname__}"
            given = value if isinstance(value, Mapping) else {}
            base = default if isinstance(default, annotation) else None
            return self.section(annotation, owner, given, key, default=base)
        return annotation if _is_checkable(annotation) else Any

    def union(self, members: tuple[Any, ...], value: Any, key: str, default: Any) -> Any:
        """The type for one of several: that of the member which ``value`` looks like."""
        sections = [member for member in members if _holds_sections(member)]
        if value is None and type(None) in members:
            return self.described(sections[0], key)
        plain = tuple(member for member in members if member not in sections)
        if not isinstance(value, (Mapping, list)) and not _is_instance(value, sections) and plain:
            wanted: Any = typing.Union.__getitem__(plain)
            return wanted if _is_checkable(wanted) else Any
        best = max(sections, key=lambda member: _likeness(member, value))
        return self.accepted(best, value, key, default)

    def described(self, annotation: Any, key: str) -> Any:
        """``annotation`` or None, of which nothing is given: its keys are in the JSON Schema alone."""
        if annotation in self.within:  # a dataclass that may hold one like itself
            return Any
        aside = ModelMaker(trust_code=self.trust_code, within=(*self.within, annotation))
        return aside.accepted(annotation, None, key) | None

    def items(self, origin: Any, arguments: tuple[Any, ...], value: Any, key: str) -> Any:
        """The type of a list or tuple, each of whose items may be another section."""
        if not isinstance(value, list):
            return list[Any]
        fixed = origin is tuple and arguments[-1] is not Ellipsis
        if fixed and len(value) != len(arguments):
            return tuple[(Any,) * len(arguments)]  # type: ignore[misc]  # refused for its length
        wanted = arguments if fixed else (arguments[0],) * len(value)
        types = tuple(
            self.accepted(each, item, f"{key}.{number}")
            for number, (each, item) in enumerate(zip(wanted, value, strict=True))
        )
        if not types:
            return tuple[()] if origin is tuple else list[Any]
        return tuple[types] if origin is tuple else Annotated[tuple[types], AfterValidator(list)]  # type: ignore[valid-type]

    def mapping(self, annotation: Any, values: Mapping[str, Any], key: str) -> type[Section]:
        """The model of sections or components under names that the user chooses."""
        fields: dict[str, Any] = {}
        for name, value in values.items():
            fields[PREFIX + name] = (self.accepted(annotation, value, f"{key}.{name}"), Field(alias=name))
        return create_model(key, __base__=Section, **fields)

    def component(self, kind: str, taken: Any, value: Any, key: str) -> Any:
        """The model of the component that ``value`` names, which its constructor takes as a ``taken``."""
        if type(None) in typing.get_args(taken):
            if value is None:
                return dict[str, Any] | None
            [taken] = [each for each in typing.get_args(taken) if each is not type(None)]
        if taken is str:  # by its name alone, without options
            if self._class(kind, {NAME: value}, key) is None and not provider(str(value)):
                names = [each.name for each in components(kind) if each.state == "ok"]
                self.faults[key] = ConfigError(self.faults[key].what, fix=nearest(str(value), names))
            return str
        if not isinstance(value, Mapping):
            return dict[str, Any]
        word = named_by(value)
        constructor = self._class(kind, value, f"{key}.{word}")
        if constructor is None:
            return dict[str, Any]
        owner = describe(kind, value)
        summary = (inspect.getdoc(constructor) or "").partition("\n")[0]
        self.options[f"{key}.{word}"] = Option(owner, Parameter(word, str, REQUIRED, summary))
        model = self.section(constructor, owner, value, key, kind=kind)
        fields: dict[str, Any] = {PREFIX + word: (str, Field(alias=word))}
        named = create_model(key, __base__=model, **fields)

        def made(given: dict[str, Any], make_part: MakePart) -> Any:
            if isinstance(constructor, ChecksOptions):
                own = {name: each for name, each in given.items() if name != word}
                _check_options(constructor, owner, own, key, self.options)
            return value if taken == Spec else make_part(kind, value)

        named.maker = made
        return named

    def _class(self, kind: str, spec: Mapping[str, Any], key: str) -> Any:
        """The class of a component, or None: then it is a fault of ``key``."""
        try:
            return constructor_of(kind, spec, trust_code=self.trust_code)
        except AnemoiError as error:
            self.faults[key] = error
            return None


def _check_options(
    component: ChecksOptions, owner: str, given: Mapping[str, Any], at: str, known: Collection[str]
) -> None:
    """Let a component refuse its options; the error begins with the key that it is about."""
    try:
        component.check_options(**given)
    except (AnemoiError, ValueError) as error:
        what = error.what if isinstance(error, AnemoiError) else str(error)
        option, _, said = what.partition(": ")
        key, reason = (f"{at}.{option}", said) if f"{at}.{option}" in known else (at, what)
        fix = error.fix if isinstance(error, AnemoiError) else None
        raise ConfigError(f"{key}: the {owner} refuses it: {reason}", fix=fix) from error


def _field(parameter: Parameter) -> Any:
    default = ... if parameter.required else parameter.default
    # Defaults reach the constructor as they are; what pydantic has of them is for the JSON Schema.
    return Field(default, alias=parameter.name, description=parameter.doc or None)


def _holds_sections(annotation: Any) -> bool:
    """Whether values of this type are sections or components, alone, in a list or mapping, or optional."""
    if component_in(annotation) is not None:
        return True
    if inspect.isclass(annotation) and dataclasses.is_dataclass(annotation):
        return True
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        arguments = arguments[:1]  # what follows may be an instance of a dataclass, such as Ge(1)
    return any(map(_holds_sections, arguments))


def _is_instance(value: Any, sections: list[Any]) -> bool:
    """Whether ``value`` is a default: an instance of one of these dataclasses."""
    return any(isinstance(value, each) for each in sections if inspect.isclass(each))


def _likeness(annotation: Any, value: Any) -> tuple[bool, int, int]:
    """How much ``value`` looks like a section of this type: by its shape, then by its keys."""
    origin = typing.get_origin(annotation)
    while origin is Annotated and component_in(annotation) is None:
        annotation = typing.get_args(annotation)[0]
        origin = typing.get_origin(annotation)
    if isinstance(value, list):
        return origin in _LISTS, 0, 0
    if not isinstance(value, Mapping):
        return inspect.isclass(annotation) and isinstance(value, annotation), 0, 0
    if component_in(annotation) is not None:
        return True, named_by(value) in value, 0
    if not dataclasses.is_dataclass(annotation):
        return origin in _MAPPINGS, 0, 0
    known = options(typing.cast("type[Any]", annotation))
    missing = [name for name, each in known.items() if each.required and name not in value]
    return True, -len(set(value) - set(known)), -len(missing)


def _is_checkable(annotation: Any) -> bool:
    """Whether pydantic can check values of this type: an exotic annotation must not break its plugin."""
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, SchemaError, TypeError):
        return False
    return True
