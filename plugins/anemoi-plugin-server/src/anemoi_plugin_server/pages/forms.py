"""The form of a job, made from the options that its constructor takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anemoi.core.config import Problem
from anemoi.core.config.options import Parameter, as_written
from anemoi.core.config.schema import component_schema
from anemoi.core.plugins import components, load

from ..choices import names_component
from ..plugin_process import PLUGINS
from .shapes import Shape, shape_of

Names = Mapping[str, Mapping[str, str]]
"""What the server offers: for each word of a :class:`.Choice` the names, and how each is shown."""


@dataclass(frozen=True)
class Option:
    """An option of a job, or of a component that it names.

    Parameters
    ----------
    shape
        How it is given.
    doc
        The sentence that the docstring has on it.
    required
        Whether it has no default.
    default
        What is taken if nothing is given, as a person would write it.
    """

    shape: Shape
    doc: str
    required: bool
    default: str


Form = Mapping[str, Option]
"""The options of a form by their dotted keys."""


@dataclass(frozen=True)
class Field:
    """One option in the form.

    Parameters
    ----------
    key
        Dotted: ``perturbation.amplitude``.
    label
        The last part of the key, in words.
    option
        The option.
    value
        What the form shows.
    choices
        What can be chosen, and how each is shown.
    problems
        What is wrong with it.
    fields
        The options of the component, or of the section, that it is.
    """

    key: str
    label: str
    option: Option
    value: str
    choices: Mapping[str, str]
    problems: tuple[Problem, ...]
    fields: tuple[Field, ...] = ()


def form_of(kind: str, options: Mapping[str, Any]) -> Form:
    """The form of a job, for the components that its options name; they are imported in another process.

    Raises
    ------
    PluginError
        If there is no such job.
    """
    if names_component(options):
        return PLUGINS.do(_form, kind, dict(options))
    return _form(kind, options)


def _form(kind: str, options: Mapping[str, Any]) -> Form:
    schema = component_schema("job", {**options, "name": kind}, load("job", kind))
    return {key: _option(option.parameter) for key, option in schema.options.items()}


def _option(parameter: Parameter) -> Option:
    default = "" if parameter.required else _written(parameter.default)
    return Option(shape_of(parameter.type), parameter.doc, parameter.required, default)


def fields(
    form: Form, options: Mapping[str, Any], names: Names, problems: Iterable[Problem] = ()
) -> tuple[Field, ...]:
    """The fields of a form, with the values of ``options`` and what is wrong with each."""
    by_key: dict[str, list[Problem]] = {}
    for problem in problems:
        by_key.setdefault(problem.key, []).append(problem)
    return _level(form, "", options, names, by_key)


def options_from(form: Form, given: Mapping[str, str]) -> dict[str, Any]:
    """The options that a form gives, by what its fields are called.

    What is empty is left out, so that the default holds. What is no number where one belongs, and what is
    of a component that there is not, stays the text that it is, which the check of the options refuses.
    """
    found: dict[str, Any] = {}
    for key, text in given.items():
        if not text.strip() or key.partition(".")[0] not in form:
            continue
        option = form.get(key)  # of a component that is none, none are known
        _put(found, key, _value(option.shape, text.strip()) if option else text.strip())
    return found


def nested(given: Mapping[str, str]) -> dict[str, Any]:
    """Dotted names as sections: what tells which components a form names."""
    found: dict[str, Any] = {}
    for key, text in given.items():
        if text.strip():
            _put(found, key, text.strip())
    return found


def unplaced(problems: Iterable[Problem], shown: Iterable[Field]) -> list[Problem]:
    """The problems that belong to no field of the form."""
    keys = set(_keys(shown))
    return [problem for problem in problems if problem.key not in keys]


def _keys(shown: Iterable[Field]) -> Iterable[str]:
    for field in shown:
        yield field.key
        yield from _keys(field.fields)


def _level(
    form: Form, at: str, options: Mapping[str, Any], names: Names, problems: Mapping[str, list[Problem]]
) -> tuple[Field, ...]:
    """The fields of one section, those of its components within them."""
    found = []
    for key, option in form.items():
        parent, _, name = key.rpartition(".")
        if parent != at or (at and name == "name" and form[at].shape.widget == "component"):
            continue
        is_component = option.shape.widget == "component"
        chosen = _at(options, f"{key}.name" if is_component else key)
        beside = problems.get(key, []) + (problems.get(f"{key}.name", []) if is_component else [])
        found.append(
            Field(
                key=key,
                label=name.replace("_", " "),
                option=option,
                value="" if chosen is None else _written(chosen),
                choices=_choices(option.shape, names),
                problems=tuple(beside),
                fields=_level(form, key, options, names, problems)
                if is_component or option.shape.widget == "section"
                else (),
            )
        )
    return tuple(found)


def _choices(shape: Shape, names: Names) -> Mapping[str, str]:
    if shape.choice:
        return names[shape.choice]
    words = shape.words
    if shape.component:
        words = tuple(each.name for each in components(shape.component) if each.state == "ok")
    return {word: word for word in words}


def _written(value: Any) -> str:
    """A value as a form shows it."""
    plain = as_written(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list) and all(isinstance(each, (str, int, float)) for each in plain):
        return ", ".join(map(str, plain))
    return json.dumps(plain) if isinstance(plain, (list, Mapping)) else str(plain)


def _value(shape: Shape, text: str) -> Any:
    if shape.widget == "list":
        return [_item(shape.of, part.strip()) for part in text.split(",") if part.strip()]
    return _item(shape.widget, text)


def _item(widget: str, text: str) -> Any:
    if widget in ("text", "date", "select"):
        return text
    try:
        if widget in ("integer", "number"):
            return float(text) if set(text) & set(".eE") else int(text)
        return json.loads(text)
    except ValueError:
        return text


def _at(options: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; None if there is none."""
    value: Any = options
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(options: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key. A text where a section belongs gives way to it."""
    *parents, last = key.split(".")
    for part in parents:
        inner = options.get(part)
        if not isinstance(inner, dict):
            inner = options[part] = {}
        options = inner
    options[last] = value
