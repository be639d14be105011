"""The conformance kit: whether a component keeps the contract of its kind.

One list of checks for each kind stands behind three doors: :func:`check`, ``anemoi plugins check``, and a
class for pytest that a plugin's tests inherit::

    class TestTransformer(ProcessorContract):
        name = "transformer"

A distribution that declares a kind writes its checks with :func:`contract` and :func:`require`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._check import Check, NotApplicableError, Result, Subject, contract, require
from ._run import check, checks

if TYPE_CHECKING:
    from ._pytest import (
        CommandContract,
        ConfigContract,
        Contract,
        ForcingContract,
        GraphContract,
        HookContract,
        KindContract,
        LossContract,
        MapperContract,
        ModelContract,
        ObjectiveContract,
        OutputContract,
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
    "LossContract",
    "MapperContract",
    "ModelContract",
    "NotApplicableError",
    "ObjectiveContract",
    "OutputContract",
    "ProcessorContract",
    "Result",
    "SourceContract",
    "Subject",
    "TrackerContract",
    "TransformContract",
    "check",
    "checks",
    "contract",
    "require",
]


def __getattr__(name: str) -> Any:
    """Import the classes for pytest, and pytest with them, when one is first asked for."""
    if not name.endswith("Contract"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("._pytest", __name__), name)
