"""What exactly a component is: its distribution, its version, and a hash of its files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from ..errors import PluginError
from ._find import EntryPoint
from ._load import find, loaded
from ._metadata import distribution_called


def lock(kind: str, name: str) -> dict[str, str]:
    """Say what exactly a component is, so that a checkpoint can tell whether it is the same elsewhere.

    Nothing is imported.

    Returns
    -------
    dict
        ``kind``, ``name``, ``distribution``, ``version`` and ``hash``: the SHA-256 of the files of
        the package that offers it, with their paths inside it, in order. It is the same for a wheel
        and for an editable install of the same files.

    Raises
    ------
    PluginError
        As :func:`anemoi.core.plugins.load`, or if the files cannot be read.
    """
    component = find(kind, name)
    parts = EntryPoint("", "", component.value).parts()
    module = parts[0] if parts else component.value
    return {
        "kind": component.kind,
        "name": component.name,
        "distribution": component.distribution,
        "version": component.version,
        "hash": _hash(component.distribution, module, tuple(sys.path)),
    }


def used() -> list[dict[str, str]]:
    """Say what exactly each component is that this process has loaded so far, in order of kind and name."""
    locked = []
    for kind, distribution, name in loaded():
        with suppress(PluginError):  # It was there when it was loaded, and is not any more.
            locked.append(lock(kind, f"{distribution}:{name}"))
    return locked


@lru_cache(maxsize=64)
def _hash(distribution: str, module: str, _path: tuple[str, ...]) -> str:
    try:
        files = dict(_recorded(distribution)) or dict(_beside(module))
        digest = sha256()
        for name in sorted(files):
            content = files[name].read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
            digest.update(content)
    except (OSError, ImportError, ValueError) as error:
        raise PluginError(
            f"The files of {distribution} cannot be read: {error}",
            fix=f"pip install --force-reinstall {distribution}",
        ) from error
    return digest.hexdigest()


def _recorded(distribution: str) -> Iterator[tuple[str, Path]]:
    """The files of the packages of a distribution that was installed from a wheel; none if it is editable."""
    found = distribution_called(distribution)
    for file in (found.files if found else None) or ():
        name = "/".join(file.parts)
        # Metadata, scripts and links depend on how it was installed, not on what it is.
        if _counts(name) and not re.match(
            r"\.\.|/|__editable__|[^/]+\.(dist-info|egg-info)/|[^/]+\.pth$", name
        ):
            yield name, Path(str(file.locate()))


def _beside(module: str) -> Iterator[tuple[str, Path]]:
    """The files of the regular package (or the single module) that a module belongs to."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = find_spec(".".join(parts[:depth]))  # Imports the parents, which are namespaces without code.
        if spec is None:
            raise ImportError(f"there is no module {'.'.join(parts[:depth])}")
        if spec.origin is None or not spec.has_location:
            continue
        origin = Path(spec.origin)
        package = spec.submodule_search_locations is not None
        root = origin.parents[depth if package else depth - 1]
        for file in _within(origin.parent) if package else [origin]:
            name = file.relative_to(root).as_posix()
            if file.is_file() and _counts(name):
                yield name, file
        return


def _within(folder: Path) -> Iterator[Path]:
    """Every file below a folder; links to other folders are followed, as those who build wheels do."""
    for inner, _, names in os.walk(folder, followlinks=True):
        yield from (Path(inner, name) for name in names)


def _counts(name: str) -> bool:
    return "__pycache__" not in name and not name.endswith((".pyc", ".pyo"))
