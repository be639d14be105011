"""From a component's name and options in a configuration to the component."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import AnemoiError, ConfigError, PluginError

NAME, TARGET = "name", "_target_"


@dataclass(frozen=True)
class Builder:
    """A component of a component: what builds it, as often as it is wanted.

    A constructor that takes components of its own declares each as
    ``Annotated[Builder, Component("mapper")]``. A user writes its name and options; the constructor is given
    this, and calls it with the structure.

    Parameters
    ----------
    kind
        What it must be.
    spec
        Its name and options.
    trust_code
        Whether a ``_target_`` in it may be imported.
    """

    kind: str
    spec: Mapping[str, Any]
    trust_code: bool = False

    def __call__(self, **structure: Any) -> Any:
        """Build one; see :func:`build`."""
        return build(self.kind, self.spec, trust_code=self.trust_code, **structure)

    @property
    def component(self) -> Any:
        """Its class."""
        return constructor_of(self.kind, self.spec, trust_code=self.trust_code)

    def with_options(self, **options: Any) -> Builder:
        """The same with other values of some options."""
        return Builder(self.kind, {**self.spec, **options}, self.trust_code)


def build(kind: str, spec: Mapping[str, Any], /, *, trust_code: bool = False, **structure: Any) -> Any:
    """Build the component that ``spec`` names, after checking its options.

    Parameters
    ----------
    kind
        What it must be: ``processor``, ``mapper``, ``loss``, ...
    spec
        ``name`` and options, as in a configuration; or ``_target_``, the path of a class, and options.
    trust_code
        Whether a ``_target_`` may be imported: pass :attr:`Composition.trusted`. It is what users write
        in a configuration of their own; out of a checkpoint it could run anything.
    **structure
        What the framework gives: the arguments of the constructor of the interface of ``kind``.

    Raises
    ------
    ConfigError
        If an option is unknown, mistyped, missing or out of range, or the constructor refuses the options.
    PluginError
        If there is no such component, or it fails to load or to build.
    """
    return builder(kind, spec, trust_code=trust_code)(**structure)


def builder(kind: str, spec: Mapping[str, Any], /, *, trust_code: bool = False) -> Callable[..., Any]:
    """Check the options of a component once, and give what builds it as often as it is wanted.

    Takes, raises and gives what :func:`build` does, the structure where it is called.
    """
    from .validate import check_component

    constructor = constructor_of(kind, spec, trust_code=trust_code)
    given = check_component(kind, spec, constructor, trust_code=trust_code)

    def built(**structure: Any) -> Any:
        try:
            return constructor(**structure, **given)
        except AnemoiError:
            raise
        except ValueError as error:
            raise ConfigError(f"{describe(kind, spec)} refuses its options: {error}") from error
        except Exception as error:
            raise PluginError(
                f"{describe(kind, spec)} failed to build: {type(error).__name__}: {error}",
                fix="This is a fault of the component, not of the configuration: tell its authors.",
            ) from error

    return built


def constructor_of(kind: str, spec: Mapping[str, Any], *, trust_code: bool) -> Any:
    """The class that ``spec`` names."""
    if TARGET in spec:
        return _import(str(spec[TARGET]), kind, trust_code=trust_code)
    if not isinstance(spec.get(NAME), str):
        raise ConfigError(
            f"A {kind} must have a name.", fix=f"To see which: anemoi plugins list --kind {kind}"
        )
    from ..plugins import load

    return load(kind, spec[NAME])


def options_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What ``spec`` says besides which component it means."""
    chosen_by = TARGET if TARGET in spec else NAME
    return {name: value for name, value in spec.items() if name != chosen_by}


def describe(kind: str, spec: Mapping[str, Any]) -> str:
    """The component that ``spec`` names in words: kind, name, distribution and version."""
    if TARGET in spec:
        return f"{kind} {spec[TARGET]}"
    from ..plugins import components, normalise

    distribution, _, name = str(spec[NAME]).rpartition(":")
    for each in components(kind):
        if normalise(each.name) == normalise(name) and normalise(distribution) in (
            "",
            normalise(each.distribution),
        ):
            return f"{kind} {name} ({each.distribution} {each.version})"
    return f"{kind} {name}"


def _import(target: str, kind: str, *, trust_code: bool) -> Any:
    if not trust_code:
        raise ConfigError(
            f"The {kind} is code named by its path ({TARGET}: {target}), which runs only if you trust it.",
            fix="If you know where it comes from, add --trust-code.",
        )
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ConfigError(
            f"{TARGET}: {target} cannot be imported: {type(error).__name__}: {error}",
            fix="Write the path of a class, as my.module.Class, of a module that Python finds (PYTHONPATH).",
        ) from error
    if not callable(found):
        raise ConfigError(f"{TARGET}: {target} is not a class.")
    return found
