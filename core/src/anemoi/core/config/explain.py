"""Why a value is what it is: who wrote it, over what, and which option it sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import AnemoiError, ConfigError
from .composition import Composition, Origin, leaves
from .nearest import nearest
from .validate import schema_of

if TYPE_CHECKING:
    from .sections import Option


@dataclass(frozen=True)
class Explanation:
    """Why the value at ``key`` is what it is.

    Parameters
    ----------
    key, value
        The dotted key, and its value; one that depends on the environment as it was written.
    history
        The places that wrote it, the one that won last; none if it is the default of ``option``.
    option
        The option that it sets, if that is known.
    """

    key: str
    value: Any
    history: tuple[Origin, ...]
    option: Option | None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "key": self.key,
            "value": self.value,
            "history": [_place(origin) for origin in self.history],
            "feeds": self.option and {"component": self.option.owner, **self.option.parameter.to_dict()},
        }

    def __str__(self) -> str:
        lines = [f"{self.key} = {self.value!r}"]
        if not self.history:
            lines.append("  from   the default; nothing sets it")
        for place, origin in enumerate(reversed(self.history)):
            written = "" if place == 0 and origin.value == self.value else f"{origin.value!r}  "
            lines.append(f"  {'over' if place else 'from'}   {written}{_name(origin)}")
        if self.option:
            owner, parameter = self.option.owner, self.option.parameter
            lines.append(f"  feeds  {owner or 'the command itself'}, {parameter}")
            lines += [f"         {parameter.doc}"] if parameter.doc else []
        return "\n".join(lines)


def explain(
    composition: Composition, key: str, settings: Callable[..., Any] | None = None
) -> list[Explanation]:
    """Explain the value at ``key``, or every value in that section.

    Parameters
    ----------
    settings
        The dataclass that declares what the configuration may hold; see :func:`.validate`.

    Raises
    ------
    ConfigError
        If there is no such key, and nothing that would take it.
    """
    options = _options(composition, settings)
    values = dict(leaves(composition.recorded))
    keys = [each for each in values if f"{each}.".startswith(f"{key}.")]
    if not keys and key in options and not options[key].parameter.required:
        return [Explanation(key, options[key].parameter.to_dict()["default"], (), options[key])]
    if not keys:
        raise ConfigError(
            f"{composition.title} has no key {key!r}.",
            fix=nearest(key, _beside(key, {*values, *options})),
        )
    return [Explanation(each, values[each], composition.history(each), options.get(each)) for each in keys]


def _beside(key: str, known: set[str]) -> set[str]:
    """Those of the ``known`` keys that lie in the section of ``key``; all if it has none."""
    section = f"{key.rpartition('.')[0]}."
    return {each for each in known if each.startswith(section)} or known


def _options(composition: Composition, settings: Callable[..., Any] | None) -> Mapping[str, Option]:
    """The option of each key, as far as it is known: a fault elsewhere must not stop an explanation."""
    try:
        return schema_of(composition, settings).options
    except AnemoiError:
        return {}


def _name(origin: Origin) -> str:
    if origin.file is None:
        return origin.where
    return f"{origin.layer}{f' ({origin.distribution})' if origin.distribution else ''}, {origin.where}"


def _place(origin: Origin) -> dict[str, Any]:
    file = str(origin.file) if origin.file else None
    return {**vars(origin), "file": file}
