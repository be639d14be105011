"""The schema of a configuration: what it may hold, given the components that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from ..errors import AnemoiError
from .components import describe, options_of
from .models import ModelMaker
from .sections import Option, Section


@dataclass(frozen=True)
class Schema:
    """A model of a configuration, made for the components that it names.

    Parameters
    ----------
    model
        Accepts what is right.
    options
        Every dotted key that may be set, given or not.
    faults
        The keys that name a component that cannot be used, and why.
    """

    model: type[Section]
    options: dict[str, Option]
    faults: dict[str, AnemoiError]

    def json_schema(self) -> dict[str, Any]:
        """The same as a JSON Schema."""
        return self.model.model_json_schema(schema_generator=_Generator)

    def beside(self, key: str) -> list[str]:
        """The keys that the section of ``key`` takes."""
        parent = key.rpartition(".")[0]
        return [other for other in self.options if other.rpartition(".")[0] == parent]


class _Generator(GenerateJsonSchema):
    """Leaves open what JSON Schema has no words for, such as an arbitrary class."""

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: str, detail: str) -> None:
        """Say nothing: a type without words in JSON Schema is no news to the user."""


def component_schema(
    kind: str, spec: Mapping[str, Any], constructor: Callable[..., Any], *, trust_code: bool = False
) -> Schema:
    """The schema of the options of one component."""
    maker = ModelMaker(trust_code=trust_code)
    model = maker.section(constructor, describe(kind, spec), options_of(spec), "", kind=kind)
    return Schema(model, maker.options, maker.faults)


def settings_schema(settings: Callable[..., Any], values: Mapping[str, Any], *, trust_code: bool) -> Schema:
    """The schema of a whole configuration, or of a section, that the dataclass ``settings`` declares."""
    maker = ModelMaker(trust_code=trust_code)
    return Schema(maker.section(settings, "", values, ""), maker.options, maker.faults)
