"""Which plugins a model is made of, to the version and the content, and whether they are here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from .. import plugins
from ..config import constructor_of
from ..config.options import Component, options
from ..errors import PluginError
from ..interfaces import ReadsCheckpoints
from .document import requirement


class DifferentVersionWarning(UserWarning):
    """A plugin is not exactly the one that a checkpoint was made with."""


@dataclass(frozen=True)
class LockEntry:
    """One component that a model was trained with.

    Parameters
    ----------
    role
        Where the configuration has it: ``model``, ``model.encoder``, ``objective``,
        ``transforms.normaliser``, ``forcings.insolation``, ``graph``, ``loss``, ``data``.
    kind, name
        What a configuration calls it.
    distribution, version, hash
        What it came from; ``hash`` is that of the installed content.
    needed
        Whether a forecast needs it, or the training alone did.
    accepts
        The versions of the distribution that read its checkpoints where the component here does not say
        (:class:`anemoi.core.interfaces.ReadsCheckpoints`), as a specifier (``==0.2.*``, the same minor
        release); ``version`` alone if it is empty.
    """

    role: str
    kind: str
    name: str
    distribution: str
    version: str
    hash: str
    needed: bool
    accepts: str = ""

    @property
    def requirement(self) -> str:
        """The line that makes pip install it.

        Raises
        ------
        ValueError
            If the name or the version is none, and the line could be anything.
        """
        return requirement(self.distribution, self.version)


@dataclass(frozen=True)
class Mismatch:
    """How what is installed differs from an entry.

    Parameters
    ----------
    severity
        ``absent``; ``unusable``: blocked, broken, or incompatible with what else is here, whatever its
        version; ``version``: another one is installed, which does not read this checkpoint; ``content``:
        the version is the same but the files are not.
    message
        That, in words.
    fix
        The command that mends it.
    """

    entry: LockEntry
    severity: Literal["absent", "unusable", "version", "content"]
    message: str
    fix: str


def lock(configuration: Mapping[str, Any], *, trust_code: bool = True) -> tuple[LockEntry, ...]:
    """Find the plugins that a training configuration names, as they are installed now.

    A forecast needs the model with the components within it, the objective, the transforms and the computed
    forcings. The graph is in the checkpoint itself; the loss, the scalers and the training data's source
    serve training alone. A component given by ``_target_`` is no plugin and has no entry.

    Parameters
    ----------
    configuration
        Of the training.
    trust_code
        Whether a ``_target_`` may be imported, to learn which components it has within it.

    Raises
    ------
    PluginError
        If one of them is not installed.
    """
    return tuple(
        LockEntry(role=role, needed=needed, **_locked(kind, str(spec["name"])))
        for role, kind, spec, needed in _components(configuration, trust_code)
        if "name" in spec
    )


def compare(entries: Iterable[LockEntry]) -> tuple[Mismatch, ...]:
    """Compare ``entries`` with the plugins that are installed here.

    Nothing is imported but a component of another version that a forecast needs: it says itself which
    versions' checkpoints it reads (:class:`anemoi.core.interfaces.ReadsCheckpoints`).
    """
    installed = plugins.components()
    return tuple(mismatch for entry in entries if (mismatch := _compare(entry, installed)) is not None)


def targets(configuration: Any) -> Iterator[str]:
    """Find every ``_target_`` within a configuration: the code outside plugins that building it would run."""
    if isinstance(configuration, Mapping):
        for key, value in configuration.items():
            if key == "_target_":
                yield str(value)
            else:
                yield from targets(value)
    elif isinstance(configuration, (list, tuple)):
        for value in configuration:
            yield from targets(value)


Found = tuple[str, str, Mapping[str, Any], bool]
"""A component of a configuration: its role, its kind, its spec, and whether a forecast needs it."""


def _components(configuration: Mapping[str, Any], trust_code: bool) -> Iterator[Found]:
    for role in ("model", "objective"):
        yield from _with_parts(role, role, configuration[role], trust_code)
    domains: Mapping[str, Mapping[str, Any]] = configuration.get("domains") or {}
    for prefix, section in (
        ("", configuration),
        *((f"domains.{name}.", own) for name, own in domains.items()),
    ):
        for name, spec in (section.get("transforms") or {}).items():
            yield f"{prefix}transforms.{name}", "transform", spec, True
    for name in configuration.get("forcings") or ():
        yield f"forcings.{name}", "forcing", {"name": name}, True
    for role in ("graph", "loss"):
        if configuration.get(role):
            yield role, role, configuration[role], False
    for name, spec in (configuration.get("scalers") or {}).items():
        yield f"scalers.{name}", "scaler", spec, False
    for name, own in domains.items() or (("", configuration),):
        if own.get("data"):
            yield f"domains.{name}.data" if name else "data", "source", own["data"], False


def _with_parts(role: str, kind: str, spec: Mapping[str, Any], trust_code: bool) -> Iterator[Found]:
    """A component that a forecast needs, and those that its options name."""
    yield role, kind, spec, True
    constructor = constructor_of(kind, spec, trust_code=trust_code)
    for name, parameter in options(constructor, kind=kind).items():
        inner = next((each.kind for each in get_args(parameter.type) if isinstance(each, Component)), None)
        if inner is not None and isinstance(spec.get(name), Mapping):
            yield from _with_parts(f"{role}.{name}", inner, spec[name], trust_code)


def _locked(kind: str, name: str) -> dict[str, str]:
    entry = plugins.lock(kind, name)
    # The bare name: which distribution it was is said beside it.
    return {
        "kind": kind,
        "name": name.rpartition(":")[2],
        **{key: str(entry[key]) for key in ("distribution", "version", "hash")},
        "accepts": _same_minor(str(entry["version"])),
    }


def _same_minor(version: str) -> str:
    """All versions of the same minor release; nothing for one that is no version."""
    try:
        parsed = Version(version)
    except InvalidVersion:
        return ""
    return f"=={parsed.major}.{parsed.minor}.*"


def _compare(entry: LockEntry, installed: Iterable[plugins.InstalledComponent]) -> Mismatch | None:
    what = f"The {entry.role} {entry.name!r} of {entry.distribution} {entry.version}"
    install = f"pip install '{entry.requirement}'"
    found = _find(entry, installed)
    if found is None:
        return Mismatch(entry, "absent", f"{what} is not installed.", install)
    # What comes with the core is what this core reads: the format of the file has a version of its own.
    if plugins.normalise(entry.distribution) == "anemoi-core":
        return None
    if found.state == "incompatible":  # A whole distribution is: the same words for each of its components.
        here = f"{found.distribution} {found.version}, which the checkpoint needs, is incompatible here"
        return Mismatch(entry, "unusable", f"{here}: {found.reason}.", found.fix or install)
    try:
        if found.state not in ("ok", "conflict"):
            raise plugins.refusal(found)
        if found.version != entry.version:
            fault = _version_fault(entry, found)
            return Mismatch(entry, "version", f"{what} is needed, but {fault}.", install) if fault else None
        content = plugins.lock(entry.kind, found.full_name)["hash"]
    except PluginError as error:
        return Mismatch(entry, "unusable", error.what, error.fix or install)
    if content != entry.hash:
        other = f"{what} has the same version here, but not the same files as where the model was trained."
        return Mismatch(entry, "content", other, f"pip install --force-reinstall '{entry.requirement}'")
    return None


def _find(
    entry: LockEntry, installed: Iterable[plugins.InstalledComponent]
) -> plugins.InstalledComponent | None:
    return next(
        (
            component
            for component in installed
            if component.kind == entry.kind
            and plugins.normalise(component.name) == plugins.normalise(entry.name)
            and plugins.normalise(component.distribution) == plugins.normalise(entry.distribution)
        ),
        None,
    )


def _version_fault(entry: LockEntry, found: plugins.InstalledComponent) -> str:
    """Why the version here does not read a checkpoint of another one; empty if it does.

    The component here decides, if it says anything: it alone knows what came before it. What only the
    training used reads no checkpoint and is not imported.

    Raises
    ------
    PluginError
        If the component cannot be imported, or what it says is no specifier.
    """
    here = f"version {found.version} is installed, which"
    said = plugins.load(entry.kind, found.full_name) if entry.needed else None
    if not isinstance(said, ReadsCheckpoints):
        accepted = _contains(entry.accepts, found.version)
        return "" if accepted else f"{here} does not say that it reads checkpoints of {entry.version}"
    try:
        SpecifierSet(said.reads_checkpoints)
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise PluginError(
            f"The {found.kind} {found.name!r} of {found.distribution} {found.version} is broken: its "
            f"reads_checkpoints, {said.reads_checkpoints!r}, is no range of versions.",
            fix="Tell its authors; a range is a text such as '>=0.2,<0.4'.",
        ) from error
    accepted = _contains(said.reads_checkpoints, entry.version)
    return "" if accepted else f"{here} reads checkpoints of {said.reads_checkpoints} alone"


def _contains(specifier: str, version: str) -> bool:
    """Whether a range holds a version, pre-releases included; an empty or invalid one holds none."""
    try:
        return bool(specifier) and SpecifierSet(specifier, prereleases=True).contains(version)
    except (InvalidSpecifier, InvalidVersion):
        return False
