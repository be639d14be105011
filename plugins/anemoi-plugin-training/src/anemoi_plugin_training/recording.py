"""What the artefacts of a run say of its configuration: all but secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from anemoi.core.config import Composition
from anemoi.core.config.composition import leaves
from anemoi.core.secrets import masked

_ENVIRONMENT = "${oc.env:"
"""How a value refers to the environment."""

_OUTSIDE_THE_MODEL = ("data", "trackers")
"""The sections of a checkpoint's configuration, and of a domain's, that no model is built from."""


def recorded(composition: Composition) -> dict[str, Any]:
    """Give the configuration as JSON to go on with a run, and to show.

    Values from the environment are references to it (``${oc.env:NAME}``), which are looked up again, and the
    users and passwords of URLs are masked.
    """
    record: dict[str, Any] = masked(composition.to_dict())
    return {**record, "values": masked(_with_references(composition, composition.values))}


def recorded_values(composition: Composition) -> dict[str, Any]:
    """Give the values that a checkpoint has: references where no model is built from them."""
    sections = {*_OUTSIDE_THE_MODEL}
    sections |= {f"domains.{name}.data" for name in composition.values.get("domains") or {}}
    return _with_references(composition, composition.values, within=sections)


def _with_references(
    composition: Composition, values: Mapping[str, Any], *, within: Collection[str] = ("",)
) -> dict[str, Any]:
    found = dict(leaves(values))
    written = {key: history[-1].value for key in found if (history := composition.history(key))}
    secret = {str(found[key]) for key, value in written.items() if _ENVIRONMENT in str(value)} - {""}

    def shown(key: str, value: Any) -> Any:
        if isinstance(value, Mapping) and value:
            return {name: shown(f"{key}.{name}" if key else name, each) for name, each in value.items()}
        raw = written.get(key)
        inside = any(not section or key.startswith(f"{section}.") for section in within)
        # A value may also refer to another one that is from the environment.
        refers = "${" in str(raw) and any(each in str(value) for each in secret)
        return raw if inside and refers else value

    return {name: shown(name, each) for name, each in values.items()}
