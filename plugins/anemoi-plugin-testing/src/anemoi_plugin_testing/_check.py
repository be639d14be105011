"""What a check is, what it is run on, and what comes of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from anemoi.core.interfaces.capability import Capability

Status = Literal["pass", "fail", "skipped", "expected-failure"]


@dataclass(frozen=True)
class Result:
    """What came of one check of one component.

    Parameters
    ----------
    kind, component
        What was checked.
    check
        The name of the check.
    status
        ``pass``, ``fail``, ``skipped`` (it does not apply, or one before it failed) or ``expected-failure``.
    contract
        What the component promises.
    seen
        What was seen instead, or why the check was skipped or expected to fail; empty for a pass.
    seconds
        How long it took.
    options
        What the component was built with, as ``KEY=VALUE``; empty where it was given nothing.
    """

    kind: str
    component: str
    check: str
    status: Status
    contract: str
    seen: str
    seconds: float
    options: str = ""

    def __str__(self) -> str:
        if self.status == "pass":
            return f"{self.check}: pass"
        return f"{self.check}: {self.status}\n  contract: {self.contract}\n  seen: {self.seen}"


class BrokenContractError(Exception):
    """The contract does not hold; the message says what was seen."""


class NotApplicableError(Exception):
    """The check cannot be made; the message says why."""


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Parameters
    ----------
    kind
        What it must be.
    name
        What to call it.
    component
        What its entry point names: a class, a command, a package, a hook.
    options
        What its constructor is given beyond what its interface takes.
    reader
        For an output, the class or name of the source that reads back what it writes; by default the
        source of the same name, if there is one.
    unchecked
        Why it cannot be checked, as its distribution declares; empty where it can.
    """

    kind: str
    name: str
    component: Any
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reader: Any = None
    unchecked: str = ""

    def build(self, **structure: Any) -> Any:
        """A new one."""
        return self.component(**structure, **self.options)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it declares."""
        return frozenset(getattr(self.component, "capabilities", ()))


@dataclass(frozen=True)
class Check:
    """One promise of a kind, and how to see whether it is kept.

    Parameters
    ----------
    function
        Returns where the promise is kept, and raises :class:`BrokenContractError` where it is not. Its name
        is that of the check, and its docstring states the promise.
    after
        The checks that must pass for this one to mean anything.
    needs
        What a component must declare for the check to apply.
    unless
        What a component may declare for the check not to apply.
    """

    function: Callable[[Subject], None]
    after: tuple[str, ...] = ()
    needs: Capability | None = None
    unless: Capability | None = None

    @property
    def name(self) -> str:
        """What to call it."""
        return self.function.__name__

    @property
    def contract(self) -> str:
        """What the component promises."""
        return " ".join((inspect.getdoc(self.function) or "").split())


def contract(
    *, after: tuple[str, ...] = (), needs: Capability | None = None, unless: Capability | None = None
) -> Callable[[Callable[[Subject], None]], Check]:
    """Turn a function into a :class:`Check`."""
    return lambda function: Check(function, after, needs, unless)


def require(holds: object, seen: str) -> None:
    """Raise :class:`BrokenContractError` unless ``holds``."""
    if not holds:
        raise BrokenContractError(seen)
