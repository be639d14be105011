"""Run the checks of a kind on a component."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from ..errors import PluginError
from ..plugins import GROUPS, load
from ._check import BrokenContractError, Check, NotApplicableError, Result, Status, Subject
from ._process import process_kept

_MODULES: Final = {
    "processor": "_layers",
    "mapper": "_layers",
    "graph": "_graph_builders",
    "source": "_sources",
    "output": "_outputs",
    "loss": "_losses",
    "tracker": "_trackers",
    "command": "_commands",
    "config": "_configs",
    "hook": "_hooks",
}
"""Where the checks of each kind are: imported when they are used, because some bring torch."""


def checks(kind: str) -> tuple[Check, ...]:
    """The checks of one kind, in the order in which they are made.

    Raises
    ------
    PluginError
        If there is no such kind.
    """
    if kind not in _MODULES:
        raise PluginError(
            f"There is no kind of component called {kind!r}.", fix=f"The kinds are {', '.join(GROUPS)}."
        )
    found: dict[str, tuple[Check, ...]] = import_module(f".{_MODULES[kind]}", __package__).CHECKS
    return found[kind]


def check(
    kind: str,
    component: Any,
    /,
    *,
    expected_failures: Mapping[str, str] | None = None,
    reader: Any = None,
    **options: Any,
) -> list[Result]:
    """Check whether a component keeps the contract of its kind.

    Parameters
    ----------
    kind
        What it must be: ``processor``, ``mapper``, ...
    component
        What it is called, or the class, command, package or hook itself.
    expected_failures
        Checks that are known to fail, and why. One that passes all the same is a failure.
    reader
        For an output, the source that reads back what it writes; see :class:`Subject`.
    **options
        What its constructor is given beyond what its interface takes.

    Raises
    ------
    PluginError
        If it cannot be loaded, an expected failure names no check, or it has no reason.
    """
    return Examination(subject(kind, component, options, reader=reader), expected_failures or {}).results()


def subject(kind: str, component: Any, options: Mapping[str, Any], *, reader: Any = None) -> Subject:
    """What to check, from a name or the thing itself."""
    checks(kind)
    if isinstance(component, str):
        return Subject(kind, component.rpartition(":")[2], load(kind, component), options, reader)
    name = getattr(component, "__name__", None) or getattr(component, "name", None) or repr(component)
    return Subject(kind, str(name), component, options, reader)


class Examination:
    """The checks of one component, each made once, when it is asked for.

    Parameters
    ----------
    subject
        What to check.
    expected_failures
        As for :func:`check`.
    """

    def __init__(self, subject: Subject, expected_failures: Mapping[str, str]) -> None:
        self._subject = subject
        self._checks = {each.name: each for each in checks(subject.kind)}
        self._expected = expected_failures
        self._results: dict[str, Result] = {}
        self._unfounded: set[str] = set()
        for name, reason in expected_failures.items():
            if name not in self._checks:
                raise PluginError(
                    f"There is no check {name!r} of a {subject.kind}, so it cannot be expected to fail.",
                    fix=f"The checks are {', '.join(self._checks)}.",
                )
            if not reason.strip():
                raise PluginError(
                    f"The check {name!r} is expected to fail without a reason.", fix="Give one."
                )

    def results(self) -> list[Result]:
        """The results of all checks, in order."""
        return [self.result(name) for name in self._checks]

    def result(self, name: str) -> Result:
        """The result of one check; those that must pass before it are made first."""
        if name not in self._results:
            began = time.perf_counter()
            status, seen = self._judge(self._checks[name])
            self._results[name] = Result(
                self._subject.kind,
                self._subject.name,
                name,
                status,
                self._checks[name].contract,
                seen,
                time.perf_counter() - began,
            )
        return self._results[name]

    def _judge(self, check: Check) -> tuple[Status, str]:
        status, seen = self._made(check)
        if check.name not in self._expected or status == "skipped":
            return status, seen
        reason = self._expected[check.name]
        if status == "pass":
            return "fail", f"it passes, but was expected to fail ({reason}): expect it no more"
        return "expected-failure", f"{reason} ({seen})"

    def _made(self, check: Check) -> tuple[Status, str]:
        declared = self._subject.capabilities
        if check.needs is not None and check.needs not in declared:
            return "skipped", f"it does not declare Capability.{check.needs.name}"
        if check.unless is not None and check.unless in declared:
            return "skipped", f"it declares Capability.{check.unless.name}"
        for name in check.after:
            if self.result(name).status in ("fail", "expected-failure") or name in self._unfounded:
                self._unfounded.add(check.name)
                return "skipped", f"it means nothing before {name} passes"
        try:
            with process_kept():
                check.function(self._subject)
        except BrokenContractError as violation:
            return "fail", str(violation)
        except NotApplicableError as reason:
            return "skipped", str(reason)
        except (Exception, SystemExit) as error:
            return "fail", f"it raised {type(error).__name__}: {str(error)[:500]}"
        return "pass", ""
