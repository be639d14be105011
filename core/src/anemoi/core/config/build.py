"""From a component's name and options in a configuration to the component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import AnemoiError, ConfigError, PluginError
from .check import check
from .components import constructor_of, describe, options_of


@dataclass(frozen=True)
class Builder:
    """A component of a component: builds it, as often as it is wanted.

    A constructor that takes components of its own declares each as
    ``Annotated[Builder, Component("mapper")]``. A user writes its name and options; the constructor receives
    a builder, and calls it with the structure.

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
        The arguments of the constructor of the interface of ``kind``, which the framework gives.

    Raises
    ------
    ConfigError
        If an option is unknown, mistyped, missing or out of range, or the constructor refuses the options.
    PluginError
        If there is no such component, or it fails to load or to build.
    """
    return builder(kind, spec, trust_code=trust_code)(**structure)


def builder(kind: str, spec: Mapping[str, Any], /, *, trust_code: bool = False) -> Callable[..., Any]:
    """Check the options of a component once, and return a function that builds it from the structure.

    Takes and raises what :func:`build` does.
    """
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


def check_component(
    kind: str, spec: Mapping[str, Any], constructor: Callable[..., Any], *, trust_code: bool = False
) -> dict[str, Any]:
    """The options that ``spec`` gives, converted to the types of ``constructor``.

    Raises
    ------
    ConfigError
        With everything that is wrong with them.
    """
    from .schema import component_schema  # brings pydantic, which composing does without

    schema = component_schema(kind, spec, constructor, trust_code=trust_code)
    found, checked = check(schema, options_of(spec))
    if checked is None:
        owner = f"The {describe(kind, spec)} does not take these options."
        raise ConfigError("\n".join([owner, *map(str, found)]), problems=found)
    try:
        return checked.given(lambda part, own: Builder(part, own, trust_code))
    except ValueError as error:
        raise ConfigError(f"{describe(kind, spec)} refuses its options: {error}") from error
