"""What variables are called: by the type of their level, unless that is not wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from .fields import Described


def named(
    variables: Sequence[Described], asked: Collection[str], rename: Mapping[str, str], *, typed: bool
) -> tuple[Described, ...]:
    """Give variables their names.

    Parameters
    ----------
    variables
        What is said of each.
    asked
        Names that the user writes: ``t_137`` is the name of ``t_model_137`` if that is meant by it alone.
    rename
        Names to have in the place of others, with or without a level.
    typed
        Whether names say the type of the level, where it is not pressure.
    """
    variables = [_renamed(each, rename) for each in variables]
    if not typed:
        return tuple(each._replace(name=each.plain) for each in variables)
    names = {each.name for each in variables}
    plain = Counter(name for name, _ in {(each.plain, each.name) for each in variables})
    return tuple(
        each._replace(name=each.plain)
        if each.plain in asked and each.plain not in names and plain[each.plain] == 1
        else each
        for each in _apart(variables)
    )


def _renamed(each: Described, rename: Mapping[str, str]) -> Described:
    if each.name in rename:
        return each._replace(name=rename[each.name], short_name="")
    if each.short_name not in rename:
        return each
    short_name = rename[each.short_name]
    return each._replace(name=short_name + each.name.removeprefix(each.short_name), short_name=short_name)


def _apart(variables: Sequence[Described]) -> list[Described]:
    """Tell apart what has one name without a level: the temperatures of the surface and the tropopause."""
    types: dict[str, set[str | None]] = {}
    for each in variables:
        types.setdefault(each.name, set()).add(each.level_type)
    return [
        each._replace(name=f"{each.name}_{each.level_type}")
        if len(types[each.name]) > 1 and each.level_type not in (None, "surface")
        else each
        for each in variables
    ]
