"""What a component takes from a configuration, read from its constructor: signature, types, docstring."""

from __future__ import annotations

import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

INTERFACES = "anemoi.core.interfaces"
_SECTION = re.compile(r"^Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*)\n((?:[ \t]+[^\n]*\n?|\n)+)", re.MULTILINE)
REQUIRED = inspect.Parameter.empty


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


def options(constructor: Callable[..., Any]) -> dict[str, Parameter]:
    """The options of a component: what its constructor takes by name, other than what its interface's takes.

    A class that passes ``**kwargs`` on to its base takes what its base takes as well.
    """
    found: dict[str, Parameter] = {}
    structural: set[str] = set()
    passes_on = True
    for function, doc, is_interface in _constructors(constructor):
        parameters = inspect.signature(function).parameters.values()
        if is_interface:
            structural.update(parameter.name for parameter in parameters)
        if is_interface or not passes_on:
            passes_on = False
            continue
        types, docs = _types(function), parameter_docs(doc)
        named = [each for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)]
        for each in named:
            if each.name != "self" and each.name not in found:
                found[each.name] = Parameter(
                    each.name, types.get(each.name, Any), each.default, docs.get(each.name, "")
                )
        passes_on = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return {name: parameter for name, parameter in found.items() if name not in structural}


def _constructors(constructor: Callable[..., Any]) -> Iterator[tuple[Callable[..., Any], str, bool]]:
    """Each ``__init__`` along the bases, its docstring, and whether it is an interface's."""
    if not inspect.isclass(constructor):
        yield constructor, inspect.getdoc(constructor) or "", False
        return
    for owner in constructor.__mro__:
        if "__init__" in vars(owner) and owner is not object:
            function = vars(owner)["__init__"]
            doc = f"{inspect.cleandoc(owner.__doc__ or '')}\n\n{inspect.cleandoc(function.__doc__ or '')}"
            yield function, doc, owner.__module__.startswith(INTERFACES)


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, resolved; those that cannot be are left out.

    One that names what is imported for type checkers only must not cost the others their types.
    """
    types = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():

        def holder() -> None: ...

        holder.__annotations__ = {name: annotation}
        try:
            names = getattr(function, "__globals__", {})
            resolved = typing.get_type_hints(holder, names, include_extras=True)
        except (NameError, AttributeError, TypeError, SyntaxError):
            continue
        types[name] = resolved[name]
    return types


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
