"""What each variable of the data is for: what the user says, what its name says, what the data say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from anemoi.core import forcings, plugins
from anemoi.core.config.nearest import nearest
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.variable import Role, Variable

from .settings import VariableSettings

DROP = "drop"
"""What a user says of variables that are not used."""

# fmt: off
ACCUMULATED = frozenset({
    "tp", "cp", "lsp", "sf", "csf", "lsf", "e", "es", "pev", "smlt", "ro", "sro", "ssro",
    "ewss", "nsss", "lgws", "mgws", "gwd", "bld", "sshf", "slhf",
    "ssr", "ssrc", "ssrd", "str", "strc", "strd", "tsr", "tsrc", "ttr", "ttrc", "tisr", "fdir", "cdir",
})
# fmt: on
"""Short names that stand for an accumulation, which no analysis has (ECMWF's parameter database)."""

Where = Callable[[str], str]
"""Where a key of the configuration was written, as `` (at FILE:LINE)``; empty if nobody knows."""


def variables(
    source: DataSource,
    settings: VariableSettings,
    computed: Collection[str],
    *,
    key: str = "variables",
    where: Where = lambda key: "",
) -> tuple[Variable, ...]:
    """Give each variable its role: those of the data in their order, then the computed forcings.

    What the user says of a variable comes first; then its name, if that is one of an installed forcing, for
    what can be computed is not to be forecast; then what the data say of it. Where they say nothing, a name
    in `ACCUMULATED` is that of a diagnostic variable, for no initial state has it.

    Parameters
    ----------
    source
        The data.
    settings
        What the user says.
    computed
        The names of the computed forcings that are wanted besides those that the data name.
    key
        The key of ``settings`` in the configuration.
    where
        Tells where a key was written.

    Raises
    ------
    ConfigError
        If a pattern matches no variable, or one variable has two roles.
    """
    chosen = _chosen(source.variables, settings, key, where)
    at = f"{key}.may_be_missing"
    gaps = {
        name
        for pattern in settings.may_be_missing
        for name in _matching(source.variables, pattern, at, where)
    }
    computable, known = set(forcings.names()), source.metadata
    found = []
    for name in source.variables:
        said, choice = known[name], chosen.get(name)
        if name in gaps:
            said = replace(said, may_be_missing=True)
        if choice == DROP:
            continue
        if choice is not None:
            found.append(replace(said, role=Role(choice), computed=False))
        elif name in computable:
            found.append(_computed(name, said))
        elif said.computed:
            # The data call it computed, but nothing here computes it: it is read as it is.
            found.append(replace(said, computed=False))
        elif name in ACCUMULATED and said.role is Role.PROGNOSTIC:
            found.append(replace(said, role=Role.DIAGNOSTIC))
        else:
            found.append(said)
    there = {variable.name for variable in found if variable.computed}
    if clash := [name for name in computed if chosen.get(name, DROP) != DROP]:
        raise ConfigError(
            f"forcings: {clash[0]} is computed, but the data have a variable of that name, which {key} makes "
            f"{chosen[clash[0]]}{where('forcings')}.",
            fix=f"Take {clash[0]} out of forcings, or out of {key}.",
        )
    found += [_computed(name, Variable(name)) for name in computed if name not in there]
    return tuple(found)


def _chosen(names: tuple[str, ...], settings: VariableSettings, key: str, where: Where) -> Mapping[str, str]:
    chosen: dict[str, str] = {}
    for choice in (*(role.value for role in Role), DROP):
        at = f"{key}.{choice}"
        for pattern in getattr(settings, choice):
            for name in _matching(names, pattern, at, where):
                if chosen.setdefault(name, choice) != choice:
                    raise ConfigError(
                        f"{at}: {name} is in {key}.{chosen[name]} too{where(at)}.",
                        fix="Give it one role.",
                    )
    return chosen


def _matching(names: tuple[str, ...], pattern: str, at: str, where: Where) -> list[str]:
    """The names that fit a pattern, of which there must be one."""
    matching = [name for name in names if fnmatchcase(name, pattern)]
    if not matching:
        raise ConfigError(
            f"{at}: the data have no variable {pattern!r}{where(at)}.", fix=nearest(pattern, names)
        )
    return matching


def _computed(name: str, said: Variable) -> Variable:
    constant = plugins.load("forcing", name).constant
    return replace(said.instantaneous(), role=Role.FORCING, computed=True, constant=constant, units=None)
