"""The files of all the layers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .files import ConfigFile, read_file
from .layers import Layer


class LayeredFiles:
    """The files of all the layers, as if each name were one file.

    Parameters
    ----------
    layers
        The directories, the first to be overruled first.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = [(layer, layer.directory) for layer in layers if layer.directory is not None]
        self._read: dict[Path, ConfigFile] = {}

    def versions(self, config: str) -> list[tuple[Layer, ConfigFile]]:
        """Every layer's version of a file (``train``, ``model/gnn``), the first to be overruled first.

        Raises
        ------
        ConfigError
            If one cannot be read, or if two plugins bring it: neither wins silently.
        """
        found: list[tuple[Layer, ConfigFile]] = []
        for layer, directory in self.layers:
            path = directory / f"{config}.yaml"
            if path.name in _entries(path.parent):
                if path not in self._read:
                    self._read[path] = read_file(path)
                found.append((layer, self._read[path]))
        plugins = sorted({layer.source for layer, _ in found if layer.name == "plugins"})
        if len(plugins) > 1:
            raise ConfigError(
                f"{' and '.join(plugins)} both bring the configuration {config!r}.",
                fix=f"Leave one out: anemoi plugins block {plugins[-1]}",
            )
        return found

    def defaults(self, config: str) -> list[Any]:
        """The defaults list of a file: that of its first version, later ones laid over it group by group."""
        merged: dict[str, Any] = {}
        for _, file in self.versions(config):
            for item in file.defaults:
                if isinstance(item, dict) and len(item) == 1:
                    [(group, choice)] = item.items()
                    name = str(group).split(" ")[-1]  # without Hydra's words "optional" and "override"
                    if name in merged and isinstance(merged[name], dict):
                        group = next(iter(merged[name]))
                    merged[name] = {group: choice}
                else:
                    merged.setdefault(str(item), item)
        return list(merged.values())

    def package(self, config: str) -> str | None:
        """The package header of a file: that of its last version that has one."""
        return next((file.package for _, file in reversed(self.versions(config)) if file.package), None)

    def files(self, group: str) -> list[str]:
        """The names of the files in a group; of the empty group, those of the primary files."""
        return self._names(group, lambda path: path.suffix == ".yaml" and path.is_file())

    def groups(self, group: str) -> list[str]:
        """The names of the groups in a group."""
        return self._names(group, lambda path: path.is_dir() and not path.name.startswith(("_", ".")))

    def _names(self, group: str, wanted: Any) -> list[str]:
        paths = (path for _, directory in self.layers for path in _entries(directory / group).values())
        return sorted({path.stem for path in paths if wanted(path)})


def _entries(directory: Path) -> dict[str, Path]:
    try:
        return {path.name: path for path in directory.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(
            f"Cannot read the configuration directory {directory}: {error.strerror}.",
            fix="Check its permissions.",
        ) from None
