"""The checks of packages of configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from anemoi.core.config.components import NAME, TARGET
from anemoi.core.config.files import ENDINGS
from anemoi.core.config.layers import SITE_PLUGIN
from anemoi.core.config.options import options
from anemoi.core.config.validate import SETTINGS
from anemoi.core.errors import PluginError
from anemoi.core.plugins import components, load, normalise

from ._check import Check, Subject, contract, require

DEFAULTS: Final = "defaults"
"""The defaults list of a file, which is no value of it."""

READS = ("is_a_package", "holds_yaml")

KIND_AT: Final = {
    "model": "model",
    "objective": "objective",
    "graph": "graph",
    "data": "source",
    "loss": "loss",
    "processor": "processor",
    "encoder": "mapper",
    "decoder": "mapper",
}
"""The sections that hold a component, and its kind."""

KIND_WITHIN: Final = {"transforms": "transform"}
"""The sections that hold components under labels of their own, and the kind of these."""


def _directories(subject: Subject) -> list[Path]:
    return [Path(directory) for directory in subject.component.__path__]


def _files(subject: Subject) -> Iterator[tuple[str, Path]]:
    """Each file, by its path within the package without the ending."""
    for directory in _directories(subject):
        for path in _in(directory, "**/*"):
            yield path.relative_to(directory).with_suffix("").as_posix(), path


def _in(directory: Path, pattern: str) -> list[Path]:
    return sorted(path for path in directory.glob(pattern) if path.suffix in ENDINGS)


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """What a file holds, and where Hydra puts it: a line ``# @package`` says so, else its group."""
    text = path.read_text(encoding="utf-8")
    packages = [line.split("@package", 1)[1].strip() for line in text.splitlines() if "# @package" in line]
    return yaml.safe_load(text) or {}, packages[0] if packages else ""


def _components(values: Any, section: str, holder: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind and the values of each component within ``values``, the section of that name in ``holder``."""
    if isinstance(values, Mapping):
        kind = KIND_AT.get(section) or KIND_WITHIN.get(holder)
        if kind and isinstance(values.get(NAME), str):
            yield kind, {key: value for key, value in values.items() if key != DEFAULTS}
        for key, value in values.items():
            yield from _components(value, str(key), section)


def options_in(directory: Path, kind: str, name: str) -> Iterator[dict[str, Any]]:
    """The options that the files of a directory of configuration give to one component, file by file."""
    for section in (section for section, of in KIND_AT.items() if of == kind):
        for path in _in(directory / section, "*"):
            values, _ = _read(path)
            named = values.pop(NAME, None) if isinstance(values, dict) else None
            if isinstance(named, str) and normalise(named) == normalise(name):
                yield {key: value for key, value in values.items() if key != DEFAULTS}


@contract()
def is_a_package(subject: Subject) -> None:
    """It is a package, a directory that Python can import."""
    require(hasattr(subject.component, "__path__"), f"it is a {type(subject.component).__name__}")


@contract(after=("is_a_package",))
def holds_yaml(subject: Subject) -> None:
    """It holds YAML files, each of which is a mapping."""
    found = list(_files(subject))
    require(found, f"it holds no file that ends in {' or '.join(ENDINGS)}")
    for _, path in found:
        try:
            values, _ = _read(path)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            require(False, f"{path.name} cannot be read: {' '.join(str(error).split())}")
        require(isinstance(values, dict), f"{path.name} holds a {type(values).__name__}")


@contract(after=READS)
def has_no_file_twice(subject: Subject) -> None:
    """No two of its files differ in their ending alone, ``.yaml`` and ``.yml``."""
    names = [name for name, _ in _files(subject)]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"both endings are there of {', '.join(twice)}")


@contract(after=READS)
def names_no_code(subject: Subject) -> None:
    """It names components by their names, never a class by its path (``_target_``)."""
    found = [name for name, path in _files(subject) if TARGET in path.read_text(encoding="utf-8")]
    require(not found, f"{', '.join(found)} name a class by its path")


@contract(after=READS)
def gives_options_that_exist(subject: Subject) -> None:
    """Each component that it names and that is installed here takes the options that it gives it."""
    for name, path in _files(subject):
        values, package = _read(path)
        section = name.split("/")[0] if "/" in name and package != "_global_" else ""
        for kind, spec in _components(values, section):
            try:
                constructor = load(kind, spec[NAME])
            except PluginError as error:
                installed = spec[NAME] in {each.name for each in components(kind)}
                require(not installed, f"{name}.yaml: {error}")
                continue  # Of another distribution, which need not be here.
            strangers = sorted({*spec} - {NAME} - {*options(constructor, kind=kind)})
            require(
                not strangers, f"{name}.yaml: the {kind} {spec[NAME]} has no option {', '.join(strangers)}"
            )


@contract(after=READS)
def declares_its_primary_files(subject: Subject) -> None:
    """``SETTINGS`` names a dataclass for each file that a command begins with, and for no other.

    House rules (a configuration called ``site``) may also have primary files that other plugins declare.
    """
    declared = getattr(subject.component, SETTINGS, {})
    files = {name for name, _ in _files(subject)}
    absent = sorted(set(declared) - files)
    require(not absent, f"it declares {', '.join(absent)}, of which there is no file")
    odd = sorted(name for name, settings in declared.items() if not is_dataclass(settings))
    require(not odd, f"what it declares for {', '.join(odd)} is no dataclass")
    known = set(declared) | (_declared_by_others() if _is_house_rules(subject) else set())
    bare = sorted(name for name in files if "/" not in name and name not in known)
    others = ", nor does another plugin here" if _is_house_rules(subject) else ""
    require(not bare, f"it declares nothing for {', '.join(bare)}{others}, so that nobody can check them")


def _is_house_rules(subject: Subject) -> bool:
    places = (each.value for each in components("config") if each.name == SITE_PLUGIN)
    return subject.name == SITE_PLUGIN or subject.name in places


def _declared_by_others() -> set[str]:
    """The primary files that the usable plugins here declare."""
    usable = [each for each in components("config") if each.state == "ok" and each.name != SITE_PLUGIN]
    return {name for each in usable for name in getattr(load("config", each.full_name), SETTINGS, {})}


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "config": (
        is_a_package,
        holds_yaml,
        has_no_file_twice,
        names_no_code,
        gives_options_that_exist,
        declares_its_primary_files,
    )
}
