"""Holds values against a schema, and reports everything that is wrong at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .nearest import nearest
from .options import choices, type_name

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from .schema import Schema
    from .sections import Section


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration.

    Parameters
    ----------
    key
        The dotted key; empty if the problem is that of no key alone.
    what
        What is wrong with it.
    fix
        What to write instead, or an empty string.
    where
        Where it was written, or an empty string if nobody knows.
    """

    key: str
    what: str
    fix: str = ""
    where: str = ""

    def __str__(self) -> str:
        what = f"{self.key}: {self.what}" if self.key else self.what
        return "\n  ".join(filter(None, [what, self.where and f"at {self.where}", self.fix]))


def check(
    schema: Schema,
    values: Mapping[str, Any],
    where: Callable[[str], str] = lambda key: "",
    *,
    shown: Mapping[str, Any] | None = None,
) -> tuple[list[Problem], Section | None]:
    """Check ``values``.

    Parameters
    ----------
    where
        Tells where a dotted key was written; an empty string if nobody knows.
    shown
        The values that messages show, without those of the environment; by default ``values``.

    Returns
    -------
    list[Problem], Section | None
        Everything that is wrong; and the values converted to their types, None if anything is wrong.
    """
    from pydantic import ValidationError  # composing does without pydantic

    found = [Problem(key, error.what, error.fix or "", where(key)) for key, error in schema.faults.items()]
    try:
        checked = schema.model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        wrong: dict[str, Problem] = {}
        for detail in error.errors(include_url=False):
            key, what, fix = _explain(detail, schema, values if shown is None else shown)
            # The members of a union complain one by one; the first says it all.
            wrong.setdefault(key, Problem(key, what, fix, where(key)))
        return [*found, *wrong.values()], None
    return found, None if found else checked


def _explain(detail: ErrorDetails, schema: Schema, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key that pydantic complains of, what is wrong with it, and what to write instead."""
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    if detail["type"] == "extra_forbidden":
        beside = schema.beside(key)
        owner = schema.options[beside[0]].owner if beside else ""
        names = [other.rpartition(".")[2] for other in beside]
        return key, f"not an option{f' of {owner}' if owner else ''}.", nearest(path[-1], names)
    while key not in schema.options and len(path) > 1:
        path.pop()
        key = ".".join(path)
    if key not in schema.options:
        return key, f"{detail['msg']}.", ""
    parameter = schema.options[key].parameter
    expected = f"expected {type_name(parameter.type)}"
    if detail["type"] == "missing" and len(path) == len(detail["loc"]):
        return key, f"missing; {expected}.", parameter.doc
    value: Any = values
    for part in path:
        if isinstance(value, str):  # a reference to the environment, in place of a whole section
            break
        value = value[int(part)] if isinstance(value, list) else value[part]
    if detail["type"] == "string_pattern_mismatch":  # a pattern explains nothing to who mistyped a date
        return key, f"{value!r} is not of the form that is expected.", parameter.doc
    reason = f" ({detail['msg']})" if detail["type"] in ("value_error", "assertion_error") else ""
    known = choices(parameter.type)
    fix = nearest(str(value), known) if known and isinstance(value, str) else ""
    return key, f"{expected}, got {value!r}{reason}.", fix
