"""What a configuration may hold: a pydantic model made from the constructors that its values go to."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, SchemaError

from ..errors import AnemoiError
from .build import NAME, TARGET, Builder, constructor_of, describe, options_of
from .options import REQUIRED, Component, Parameter, options

# Strict, and given JSON: a list may become a tuple, a text a date; but "8" is no number, 1 no truth value.
_STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
_PREFIX = "option_"


@dataclass(frozen=True)
class Feed:
    """What a key of a configuration goes to.

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
    """A part of a configuration, as its constructor takes it.

    Its fields carry a prefix and are known by their alias, so that an option may have any name,
    those of pydantic's own attributes included.
    """

    model_config = _STRICT

    constructor: ClassVar[Callable[..., Any]] = dict
    """What takes the values."""

    def given(self) -> dict[str, Any]:
        """The values that were given, as the constructor takes them, in the schema's order."""
        return {
            name.removeprefix(_PREFIX): _built(getattr(self, name))
            for name in type(self).model_fields
            if name in self.model_fields_set
        }

    def built(self) -> Any:
        """What the constructor makes of them."""
        return type(self).constructor(**self.given())


def _built(value: Any) -> Any:
    if isinstance(value, Section):
        return value.built()
    if isinstance(value, tuple) and any(isinstance(each, Section) for each in value):
        return [_built(each) for each in value]
    return value


@dataclass(frozen=True)
class Schema:
    """A model of a configuration, made for the components that it names.

    Parameters
    ----------
    model
        Accepts what is right.
    feeds
        What each dotted key goes to, given or not.
    faults
        The keys that name a component that cannot be had, and why.
    """

    model: type[Section]
    feeds: dict[str, Feed]
    faults: dict[str, AnemoiError]

    def json_schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        return self.model.model_json_schema(schema_generator=_Generator)

    def beside(self, key: str) -> list[str]:
        """The keys that the section of ``key`` takes."""
        parent = key.rpartition(".")[0]
        return [other for other in self.feeds if other.rpartition(".")[0] == parent]


class _Generator(GenerateJsonSchema):
    """Leaves open what JSON Schema has no words for, such as an arbitrary class."""

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: str, detail: str) -> None:
        """Say nothing: what has no words in JSON Schema is no news to whoever asks for it."""


def component_schema(
    kind: str, spec: Mapping[str, Any], constructor: Callable[..., Any], *, trust_code: bool = False
) -> Schema:
    """The schema of the options of one component."""
    builder = _SchemaBuilder(trust_code=trust_code)
    model = builder.section(constructor, describe(kind, spec), options_of(spec), "", kind=kind)
    return Schema(model, builder.feeds, builder.faults)


def settings_schema(settings: Callable[..., Any], values: Mapping[str, Any], *, trust_code: bool) -> Schema:
    """The schema of a whole configuration, or of a section, that the dataclass ``settings`` declares."""
    builder = _SchemaBuilder(trust_code=trust_code)
    model = builder.section(settings, "", values, "")
    return Schema(model, builder.feeds, builder.faults)


class _SchemaBuilder:
    def __init__(self, *, trust_code: bool) -> None:
        self.trust_code = trust_code
        self.feeds: dict[str, Feed] = {}
        self.faults: dict[str, AnemoiError] = {}

    def section(
        self,
        constructor: Callable[..., Any],
        owner: str,
        values: Mapping[str, Any],
        at: str,
        *,
        kind: str | None = None,
    ) -> type[Section]:
        """The model of what ``constructor`` takes, for the components that ``values`` name."""
        fields: dict[str, Any] = {}
        for parameter in options(constructor, kind=kind).values():
            key = f"{at}.{parameter.name}" if at else parameter.name
            self.feeds[key] = Feed(owner, parameter)
            accepted = self.accepted(parameter.type, values.get(parameter.name, parameter.default), key)
            fields[_PREFIX + parameter.name] = (accepted, _field(parameter))
        model = create_model(at or "configuration", __base__=Section, **fields)
        model.constructor = constructor
        return model

    def accepted(self, annotation: Any, value: Any, key: str) -> Any:
        """The type that a parameter accepts: its own, with sections and components put in as models."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated and (
            marks := [each for each in arguments if isinstance(each, Component)]
        ):
            return self.component(marks[0].kind, value, key, as_builder=arguments[0] is Builder)
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            owner = f"{annotation.__module__}.{annotation.__qualname__}"
            return self.section(annotation, owner, value if isinstance(value, Mapping) else {}, key)
        if origin is list and isinstance(value, list) and _holds_sections(arguments[0]):
            items = tuple(self.accepted(arguments[0], each, f"{key}.{i}") for i, each in enumerate(value))
            return tuple[items] if items else list[Any]  # type: ignore[valid-type]
        if origin in (dict, Mapping) and isinstance(value, Mapping) and _holds_sections(arguments[1]):
            return self.mapping(arguments[1], value, key)
        if origin in (typing.Union, types.UnionType) and any(map(_holds_sections, arguments)):
            if value is None and type(None) in arguments:
                return type(None)
            return self.accepted(next(filter(_holds_sections, arguments)), value, key)
        return annotation if _checkable(annotation) else Any

    def mapping(self, annotation: Any, values: Mapping[str, Any], key: str) -> type[Section]:
        """The model of sections or components under names that the user chooses."""
        fields: dict[str, Any] = {}
        for name, value in values.items():
            fields[_PREFIX + name] = (self.accepted(annotation, value, f"{key}.{name}"), Field(alias=name))
        return create_model(key, __base__=Section, **fields)

    def component(self, kind: str, spec: Any, key: str, *, as_builder: bool = False) -> Any:
        """The model of the component that ``spec`` names."""
        if not isinstance(spec, Mapping):
            return dict[str, Any]
        try:
            constructor = constructor_of(kind, spec, trust_code=self.trust_code)
        except AnemoiError as error:
            self.faults[f"{key}.{TARGET if TARGET in spec else NAME}"] = error
            return dict[str, Any]
        owner = describe(kind, spec)
        word = TARGET if TARGET in spec else NAME
        summary = (inspect.getdoc(constructor) or "").partition("\n")[0]
        self.feeds[f"{key}.{word}"] = Feed(owner, Parameter(word, str, REQUIRED, summary))
        model = self.section(constructor, owner, spec, key, kind=kind)
        fields: dict[str, Any] = {_PREFIX + word: (str, Field(alias=word))}
        named = create_model(key, __base__=model, **fields)
        made = Builder(kind, spec, self.trust_code) if as_builder else spec
        named.constructor = lambda **_: made
        return named


def _field(parameter: Parameter) -> Any:
    default = ... if parameter.required else parameter.default
    return Field(default, alias=parameter.name, description=parameter.doc or None)


def _holds_sections(annotation: Any) -> bool:
    """Whether values of this type are sections or components, alone, in a list or mapping, or optional."""
    if any(isinstance(each, Component) for each in getattr(annotation, "__metadata__", ())):
        return True
    if dataclasses.is_dataclass(annotation):
        return True
    return any(map(_holds_sections, typing.get_args(annotation)))


def _checkable(annotation: Any) -> bool:
    """Whether pydantic can check values of this type: an exotic annotation must not break its plugin."""
    try:
        config = None if dataclasses.is_dataclass(annotation) else ConfigDict(arbitrary_types_allowed=True)
        TypeAdapter(annotation, config=config)
    except (PydanticUserError, SchemaError, TypeError):
        return False
    return True
