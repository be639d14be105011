"""Put the hooks of the installed plugins together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import PluginError
from ._broadcast import Broadcast, log
from ._components import InstalledComponent, components
from ._load import load_component, refusal


def hooks(watchers: Mapping[str, Any] | None = None) -> Broadcast:
    """Load every hook there is, to broadcast the events of one run to.

    Those that cannot be used are reported and left out; those that are blocked are left out.

    Parameters
    ----------
    watchers
        What else is to hear the events, by the names to report them under: ``The tracker jsonl``.
    """
    found = [component for component in components("hook") if component.state != "blocked"]
    loaded = {f"The hook {component.full_name}": _load(component) for component in found}
    usable = {name: watcher for name, watcher in loaded.items() if watcher is not None}
    return Broadcast({**usable, **(watchers or {})})


def _load(component: InstalledComponent) -> Any:
    try:
        if component.state != "ok":
            raise refusal(component)
        return load_component(component)
    except PluginError as error:
        log.warning("%s", error)
        return None
