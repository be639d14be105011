"""The conformance kit: whether a component keeps the contract of its kind.

One list of checks for each kind stands behind three doors: :func:`check`, ``anemoi plugins check``, and a
class for pytest that a plugin's tests inherit::

    class TestTransformer(ProcessorContract):
        name = "transformer"

A distribution that declares a kind writes its checks with :func:`contract` and :func:`require`;
:data:`options_are_declared` is a check of any kind whose components are built from options.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._check import Check, NotApplicableError, Result, Subject, contract, require
from ._options import from_configuration, options_are_declared, require_built, require_options
from ._run import check, checks

if TYPE_CHECKING:
    from ._layer_runs import LeftBehind
    from ._pytest import (
        CommandContract,
        ConfigContract,
        Contract,
        ForcingContract,
        GraphContract,
        HookContract,
        KindContract,
        MapperContract,
        ModelContract,
        ObjectiveContract,
        OutputContract,
        PerturbationContract,
        PostProcessorContract,
        ProcessorContract,
        SourceContract,
        TrackerContract,
        TransformContract,
    )

__all__ = [
    "Check",
    "CommandContract",
    "ConfigContract",
    "Contract",
    "ForcingContract",
    "GraphContract",
    "HookContract",
    "KindContract",
    "LeftBehind",
    "MapperContract",
    "ModelContract",
    "NotApplicableError",
    "ObjectiveContract",
    "OutputContract",
    "PerturbationContract",
    "PostProcessorContract",
    "ProcessorContract",
    "Result",
    "SourceContract",
    "Subject",
    "TrackerContract",
    "TransformContract",
    "check",
    "checks",
    "contract",
    "from_configuration",
    "options_are_declared",
    "require",
    "require_built",
    "require_options",
]


def __getattr__(name: str) -> Any:
    """Import what brings pytest or torch when it is first asked for."""
    if name == "LeftBehind":
        return import_module("._layer_runs", __name__).LeftBehind
    if not name.endswith("Contract"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("._pytest", __name__), name)
