"""The files of all the layers, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..plugins import normalise
from .files import ENDINGS, ConfigFile, entries, find_file, read_file, unreadable
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
        self._versions: dict[str, list[tuple[Layer, ConfigFile]]] = {}

    def versions(self, config: str) -> list[tuple[Layer, ConfigFile]]:
        """Every layer's version of a file (``train``, ``model/gnn``), the first to be overruled first.

        ``model/anemoi-plugin-gnn:gnn`` is ``model/gnn`` without the versions of other plugins.

        Raises
        ------
        ConfigError
            If one cannot be read, or if two plugins bring it: neither wins silently.
        """
        if config not in self._versions:
            self._versions[config] = self._find(config)
        return self._versions[config]

    def _find(self, config: str) -> list[tuple[Layer, ConfigFile]]:
        distribution, short = split_choice(config)
        found: list[tuple[Layer, ConfigFile]] = []
        for layer, directory in self.layers:
            if layer.name == "plugins" and distribution and not _is_of(layer, distribution):
                continue
            if path := find_file(directory, short):
                found.append((layer, read_file(path)))
        rivals = sorted(
            {(layer.source, layer.component or "") for layer, _ in found if layer.name == "plugins"}
        )
        if len(rivals) > 1:
            raise _conflict(config, rivals)
        return found

    def has(self, config: str) -> bool:
        """Whether a layer has such a file."""
        distribution, short = split_choice(config)
        group, _, name = short.rpartition("/")
        if not distribution:
            return name in self.files(group)
        return any(
            find_file(directory, short) for layer, directory in self.layers if _is_of(layer, distribution)
        )

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

    def named(self, config: str) -> str | None:
        """Where a defaults list names a file: ``FILE:LINE``, the last of those read so far, or None."""
        return self._place(lambda item, group: config in _choices(item, group))

    def saying(self, text: str) -> str | None:
        """Where a defaults list says ``text``, as :meth:`named`."""
        return self._place(lambda item, group: text in str(item))

    def _place(self, wanted: Callable[[Any, str], bool]) -> str | None:
        places = [
            f"{file.path}:{file.lines[f'defaults.{number}']}"
            for name, versions in self._versions.items()
            for _, file in versions
            for number, item in enumerate(file.defaults)
            if wanted(item, name.rpartition("/")[0])
        ]
        return places[-1] if places else None

    def package(self, config: str) -> str | None:
        """The package header of a file: that of its last version that has one."""
        return next((file.package for _, file in reversed(self.versions(config)) if file.package), None)

    def files(self, group: str) -> list[str]:
        """The names of the files in a group; of the empty group, those of the primary files."""
        return self._names(group, lambda path: path.suffix in ENDINGS and path.is_file())

    def groups(self, group: str) -> list[str]:
        """The names of the groups in a group."""
        return self._names(group, lambda path: path.is_dir() and not path.name.startswith(("_", ".")))

    def _names(self, group: str, wanted: Any) -> list[str]:
        return sorted({name for _, directory in self.layers for name in _stems(directory / group, wanted)})


def split_choice(config: str) -> tuple[str, str]:
    """``model/dist:gnn`` as ``dist`` and ``model/gnn``; the first is empty where no distribution is named."""
    group, slash, name = config.rpartition("/")
    distribution, _, short = name.rpartition(":")
    return distribution, f"{group}{slash}{short}"


def _is_of(layer: Layer, distribution: str) -> bool:
    return layer.name == "plugins" and normalise(layer.source) == normalise(distribution)


def _conflict(config: str, rivals: list[tuple[str, str]]) -> ConfigError:
    group, _, name = config.rpartition("/")
    sources = list(dict.fromkeys(source for source, _ in rivals))
    block = f"anemoi plugins block {rivals[-1][1]}"
    choices = " or ".join(f"{group}={source}:{name}" for source in sources)
    return ConfigError(
        f"{' and '.join(source for source, _ in rivals)} both bring the configuration {config!r}.",
        fix=f"Write which one you mean: {choices}\nOr leave one out: {block}"
        if group and len(sources) > 1
        else f"Leave one out: {block}",
    )


def _stems(directory: Path, wanted: Any) -> set[str]:
    try:
        return {path.stem for path in entries(directory).values() if wanted(path)}
    except OSError as error:  # A directory may be listed and yet let nobody look at what is in it.
        raise unreadable(directory, error) from None


def _choices(item: Any, group: str) -> list[str]:
    """The files that an item of a defaults list names, if it is that of a file of ``group``."""
    [(word, choice)] = item.items() if isinstance(item, dict) else [("", item)]
    below = str(word).split(" ")[-1].partition("@")[0]  # without "optional", "override" and the package
    names = [str(name).partition("@")[0] for name in (choice if isinstance(choice, list) else [choice])]
    paths = [f"{below}/{name}" if below else name for name in names]
    return [path[1:] if path.startswith("/") else f"{group}/{path}".lstrip("/") for path in paths]
