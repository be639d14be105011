"""Tell everything that metadata say about a plugin: what it is, and why it is in the state it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import importlib_metadata

from ..errors import PluginError
from ._blocklist import read_blocklist
from ._catalogue import how_to_install, known, provider
from ._components import InstalledComponent, components, declared, kinds
from ._describe import describe
from ._find import EntryPoint, InstalledDistribution, installed_distributions
from ._judge import Judge
from ._kinds import KINDS, PREFIX, group, normalise
from ._load import suggestion
from ._metadata import distribution_called


def named(name: str) -> list[InstalledComponent]:
    """The components that a user may mean by a name: a component, ``distribution:name``, or a distribution.

    Raises
    ------
    PluginError
        If nothing installed is called so: it says which distribution provides it, or what is nearest.
    """
    wanted, everything = ":".join(normalise(part) for part in name.split(":")), components()
    found = [
        component
        for component in everything
        if wanted
        in (
            normalise(component.name),
            normalise(component.distribution),
            f"{normalise(component.distribution)}:{normalise(component.name)}",
        )
    ]
    if found:
        return found
    for kind in kinds():
        if provides := provider(kind, name):
            raise PluginError(
                f"The {kind} {name!r} is not installed; {provides} provides it.",
                fix=f"To install it: {how_to_install(provides)[0]}",
            )
    installed = {each for component in everything for each in (component.name, component.distribution)}
    installable = frozenset(each for kind in kinds() for each in known(kind))
    raise PluginError(
        f"No plugin installed here is called {name!r}.",
        fix=suggestion(name, installed, installable) or "To see what there is: anemoi plugins list",
    )


def information(component: InstalledComponent) -> dict[str, Any]:
    """All that is known of a component without importing it, as JSON."""
    metadata = _distribution_of(component).metadata
    return {
        **asdict(component),
        "kind_owner": owner.owner if (owner := declared().get(group(component.kind))) else "",
        "description": describe(component),
        "summary": metadata.summary if metadata else "",
        "location": _location(component.distribution),
        "requires": list(metadata.requires) if metadata else [],
        "requires_python": metadata.requires_python if metadata else "",
    }


def reasons(component: InstalledComponent) -> Iterator[tuple[str, str]]:
    """Each rule that was asked about a component, and what it said, in the order in which they decide."""
    installed = _distribution_of(component)
    parts = EntryPoint("", "", component.value).parts()
    own = group(component.kind)
    of_a_kind = any(point.group == own for point in installed.entry_points)
    where = own if of_a_kind else f"{PREFIX}{component.kind}"
    yield "found", f"[{where}] {component.name} = {component.value}"
    yield "in", _location(component.distribution)
    copies = list(importlib_metadata.Distribution.discover(name=component.distribution))[1:]
    for copy in copies:
        yield "shadows", f"another {component.distribution} in {copy.locate_file('')}, which is not used"
    if (declaration := declared().get(own)) is None:
        yield "kind", "nothing installed here declares it"
    else:
        yield "kind", declaration.reason or f"declared by {declaration.owner}"
    rule = read_blocklist().decides(component.distribution, component.name)
    if rule:
        verb = "blocks" if rule.blocks else "allows"
        yield "lists", f"the {rule.owner}'s list {verb} {rule.name!r} ({rule.path}, line {rule.line})"
    else:
        yield "lists", "no list of blocked plugins names it"
    judge, extras = Judge(), parts[2] if parts else frozenset()
    unmet = {fault.requirement: fault for fault in judge.unmet(installed, extras)}
    required = installed.metadata.requires if installed.metadata else ()
    for line in required:
        fault = unmet.get(line)
        verdict = f"does not hold, {fault.reason}" if fault else judge.why_met(line, extras)
        yield "requires", f"{line}: {verdict}"
    for line, fault in unmet.items():
        if line not in required:
            yield "requires", f"{line}: {fault.reason}"
    rivals = [
        other.full_name
        for other in components(component.kind)
        if normalise(other.name) == normalise(component.name) and other.key != component.key
    ]
    if component.kind in KINDS and KINDS[component.kind].joined:
        yield "name", f"every {component.kind} is used, whatever others are called"
    else:
        yield "name", f"shared with {', '.join(rivals)}" if rivals else "no other plugin has it"
    yield "state", f"{component.state}{': ' + component.reason if component.reason else ''}"
    if component.fix:
        yield "to mend", component.fix


def requirements(found: Sequence[InstalledComponent]) -> list[str]:
    """The lines of a pip requirements file for the distributions that offer components, and the core."""
    names = {normalise(component.distribution): component.distribution for component in found}
    names.setdefault("anemoi-core", "anemoi-core")
    return [line for name in sorted(names) if (line := _requirement(names[name]))]


def _requirement(name: str) -> str:
    try:
        distribution = importlib_metadata.Distribution.from_name(name)
        version = distribution.version
    except Exception:  # Without metadata there is no version to require.
        version = None
    if not version:
        return f"# {name} is installed without metadata: its version is unknown"
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        url = str(origin.get("url", ""))
        if control := origin.get("vcs_info"):
            return f"{name} @ {control['vcs']}+{url}@{control['commit_id']}"
    except (ValueError, KeyError, AttributeError, TypeError):
        url = ""
    if not url:
        return f"{name}=={version}"
    if url.startswith("file:"):
        return f"{name}=={version}  # here it is installed from {url}"
    return f"{name} @ {url}"


def _distribution_of(component: InstalledComponent) -> InstalledDistribution:
    return next(one for one in installed_distributions() if one.name == component.distribution)


def _location(distribution: str) -> str:
    found = distribution_called(distribution)
    return "a place unknown" if found is None else str(found.locate_file(""))
