"""Validates a whole configuration against the settings that its command declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from ..errors import AnemoiError, ConfigError
from ..plugins import load
from .build import Builder
from .check import Problem, check
from .composition import Composition
from .files import find_file
from .layers import find_layers

if TYPE_CHECKING:
    from .schema import Schema

T = TypeVar("T")

SETTINGS = "SETTINGS"
"""Where a package of configuration says which dataclass declares each of its primary files."""

REHEARSALS = "REHEARSALS"
"""Where it may say what tries the command of a primary file without reading values, given a composition."""

_KEY = re.compile(r"((?:[\w-]+\.)*[\w-]+): ")


@runtime_checkable
class SupportsCheck(Protocol):
    """Settings that refuse more than their fields can say, such as two values that do not fit together."""

    def check(self, *, trust_code: bool) -> None:
        """Refuse what the command would refuse before it reads any data.

        Called once every field is right.

        Parameters
        ----------
        trust_code
            Whether a ``_target_`` may be imported.

        Raises
        ------
        AnemoiError
            If anything does not fit; a message that begins with a key (``dates.start: ...``) is reported
            with the place where that was written.
        """


def validate(composition: Composition, settings: type[T] | None = None) -> T:
    """Check every value of a configuration, those of its components included, before anything is built.

    Parameters
    ----------
    composition
        What to check.
    settings
        The dataclass that declares what it may hold; by default the one that the package which brings
        the primary file declares in ``SETTINGS``. One with a method ``check`` (:class:`SupportsCheck`) is
        asked as well.

    Returns
    -------
    T
        ``settings`` with the values; components stay the mappings that they are.

    Raises
    ------
    ConfigError
        With every problem: key, file and line, expected type, nearest right key.
    """
    found, checked = _validated(composition, settings)
    refuse(composition, found)
    return cast(T, checked)


def refuse(composition: Composition, found: Sequence[Problem]) -> None:
    """Raise a ConfigError of all problems, if there are any."""
    if found:
        count = "a problem" if len(found) == 1 else f"{len(found)} problems"
        raise ConfigError("\n".join([f"{composition.title} has {count}.", *map(str, found)]), problems=found)


def problems(composition: Composition, settings: Callable[..., Any] | None = None) -> list[Problem]:
    """Everything that is wrong with a configuration; see :func:`validate`."""
    return _validated(composition, settings)[0]


def rehearse(composition: Composition, settings: Callable[..., Any] | None = None) -> list[Problem]:
    """Everything that is wrong with a configuration, found by going as far as the command can without values.

    Like :func:`problems`. Where nothing is wrong so far, what the package that declares the settings has in
    ``REHEARSALS`` is called: it opens data and builds models, as the command would.

    Raises
    ------
    AnemoiError
        As the command, of what is not a fault of the configuration: data are not there, say.
    """
    found = problems(composition, settings)
    if found or settings is not None:
        return found
    config, package = _declaring(composition)
    try:
        if config in (rehearsals := getattr(package, REHEARSALS, {})):
            rehearsals[config](composition)
    except ConfigError as error:
        return [_problem(error.what, error.fix or "", lambda key: _origin(composition, key))]
    return []


def schema_of(composition: Composition, settings: Callable[..., Any] | None = None) -> Schema:
    """The schema of ``composition``, given the components that it names."""
    from .schema import settings_schema  # brings pydantic, which composing does without

    settings = settings or _declared(composition)
    return settings_schema(settings, composition.values, trust_code=composition.trusted)


def _validated(composition: Composition, settings: Callable[..., Any] | None) -> tuple[list[Problem], Any]:
    """The problems, and the settings if there are none."""

    def where(key: str) -> str:
        return _origin(composition, key)

    schema = schema_of(composition, settings)
    found, section = check(schema, composition.values, where, shown=composition.recorded)
    if section is None:
        return found, None
    try:
        checked = section.built(lambda kind, spec: Builder(kind, spec, composition.trusted))
        if isinstance(checked, SupportsCheck):
            checked.check(trust_code=composition.trusted)
    except AnemoiError as error:
        return [_problem(error.what, error.fix or "", where)], None
    except ValueError as error:
        return [_problem(str(error), "", where)], None
    return [], checked


def _origin(composition: Composition, key: str) -> str:
    origin = composition.origin(key)
    return origin.where if origin else ""


def _problem(what: str, fix: str, where: Callable[[str], str]) -> Problem:
    """A problem from an error that may begin with the key that it is about."""
    match = _KEY.match(what)
    place = where(match[1]) if match else ""
    if match is None or not place:
        return Problem("", what, fix)
    return Problem(match[1], what[match.end() :], fix, "" if place in what else place)


def _declared(composition: Composition) -> Callable[..., Any]:
    """The settings that the plugin which brings the primary file, or one under it, declares for it."""
    config, package = _declaring(composition)
    return cast(Callable[..., Any], getattr(package, SETTINGS)[config])


def _declaring(composition: Composition) -> tuple[str, Any]:
    """The name under which settings are declared for a composition, and the package that does."""
    layers = [layer for layer in find_layers() if layer.component and layer.directory and not layer.problem]
    for config in (composition.primary, *reversed(composition.configs)):
        for layer in layers:
            if layer.directory and find_file(layer.directory, config):
                package = load("config", str(layer.component))
                if config in getattr(package, SETTINGS, {}):
                    return config, package
    raise ConfigError(
        f"No plugin declares what the configuration {composition.primary!r} may hold: it cannot be checked.",
        fix=f"Its package declares it as {SETTINGS} = {{{composition.primary!r}: MySettings}}.",
    )
