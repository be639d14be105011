"""A composed configuration: its values, and where each of them was written."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .nearest import unknown_key

COMMAND_LINE = "command line"
FILE = "file"
"""The layer of a file that a command is given by its path."""

CHECKPOINT = "checkpoint"
ENVIRONMENT = "oc.env"
"""What an interpolation of a variable of the environment is called: ``${oc.env:NAME}``."""


@dataclass(frozen=True)
class Origin:
    """One place where a value was written.

    Parameters
    ----------
    layer
        The layer of that place: one of :data:`~anemoi.core.config.layers.LAYERS`, or ``checkpoint``.
    value
        What was written there, before interpolation.
    file, line
        Where in which file, if it was a file.
    distribution
        The distribution that the file belongs to, if it is part of a plugin.
    """

    layer: str
    value: Any
    file: Path | None = None
    line: int | None = None
    distribution: str | None = None

    @property
    def where(self) -> str:
        """The place in words: ``FILE:LINE``, or the name of the layer."""
        if self.file is None:
            return f"the {self.layer}"
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Composition:
    """A configuration put together from its layers, with its interpolations resolved.

    Parameters
    ----------
    primary
        The name of the configuration that it began with, such as ``train``.
    overrides
        What the command line said, word by word.
    values
        The configuration: mappings, lists, strings, numbers, booleans and None.
    trusted
        Whether code that it names by ``_target_`` may run: true for what a user has composed,
        false for what came out of a checkpoint.
    configs
        The files that it was put together from, as Hydra names them (``train``, ``model/gnn``), in order.
    origins
        For each dotted key that holds a value, the places that wrote it, the last one having won.
    references
        For each dotted key whose value depends on the environment, that value as it was written:
        ``${oc.env:NAME}``. It may be a secret, and is shown and recorded so.
    path
        The file that was laid over it by its path, if there was one.
    """

    primary: str
    overrides: tuple[str, ...]
    values: Mapping[str, Any]
    trusted: bool = False
    configs: tuple[str, ...] = ()
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    references: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def title(self) -> str:
        """What messages call it: the file that it was read from, or its name."""
        return str(self.path) if self.path else f"The configuration {self.primary!r}"

    @property
    def recorded(self) -> dict[str, Any]:
        """The values, those that depend on the environment as they were written."""
        return self.recorded_except(())

    def recorded_except(self, sections: Collection[str]) -> dict[str, Any]:
        """The same, but for the values in the sections whose dotted keys match one of ``sections``.

        Parameters
        ----------
        sections
            Patterns as of a shell: ``model``, ``domains.*.transforms``.
        """
        laid = copy.deepcopy(dict(self.values))
        for key, value in self.references.items():
            if any(fnmatchcase(f"{key}.", f"{section}.*") for section in sections):
                continue
            *parents, name = key.split(".")
            section = laid
            for parent in parents:
                section = section[parent]
            section[name] = copy.deepcopy(value)
        return laid

    def get(self, key: str) -> Any:
        """The value at a dotted ``key``.

        Raises
        ------
        ConfigError
            If there is no such key: it names the nearest.
        """
        value: Any = self.values
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise ConfigError(
                    f"{self.title} has no key {key!r}.",
                    fix=unknown_key(self.values, key),
                )
            value = value[part]
        return value

    def history(self, key: str) -> tuple[Origin, ...]:
        """Every place that wrote the value at ``key``, the one that won last; empty for a section.

        What a section got as a whole, by an interpolation, has the history of the section.
        """
        while key and key not in self.origins:
            key = key.rpartition(".")[0]
        return self.origins.get(key, ())

    def origin(self, key: str) -> Origin | None:
        """The place that the value at ``key`` came from; for a section or an item, the nearest known."""
        if history := self.history(key):
            return history[-1]
        for below in self.origins:
            if below.startswith(f"{key}."):
                return self.origins[below][-1]
        if "." in key:
            return self.origin(key.rpartition(".")[0])
        return None

    def to_dict(self) -> dict[str, Any]:
        """What is recorded of it, as JSON, to repeat the run whatever the layers say by then."""
        return {"primary": self.primary, "overrides": list(self.overrides), "values": self.recorded}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, trust_code: bool = False) -> Composition:
        """Take up what :meth:`to_dict` recorded, exactly; no layer is read.

        Parameters
        ----------
        record
            What :meth:`to_dict` returned.
        trust_code
            Whether code that it names by ``_target_`` may run.

        Raises
        ------
        ConfigError
            If ``record`` is not such a record.
        """
        try:
            primary, overrides, values = record["primary"], record["overrides"], record["values"]
            if not (isinstance(primary, str) and isinstance(values, Mapping)):
                raise TypeError
            words = tuple(str(word) for word in overrides)
        except (KeyError, TypeError):
            raise ConfigError("The recorded configuration is not one that Anemoi wrote.") from None
        origins = {key: (Origin(CHECKPOINT, value),) for key, value in leaves(values)}
        return cls(primary, words, values, trusted=trust_code, origins=origins)


def leaves(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key that holds something other than a non-empty mapping, and what it holds."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{under}{name}.")
        else:
            yield f"{under}{name}", value
