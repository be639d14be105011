"""Run the checks of a kind on a component."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from anemoi.core.errors import PluginError
from anemoi.core.plugins import find, find_kind, load_component, part_of

from ._check import BrokenContractError, Check, NotApplicableError, Result, Status, Subject
from ._declaration import Declaration, declaration
from ._options import converted, spelt
from ._process import process_kept

_OF_CORE: Final = {
    "model": "_models",
    "processor": "_layers",
    "mapper": "_layers",
    "graph": "_graph_builders",
    "source": "_sources",
    "transform": "_transforms",
    "forcing": "_forcings",
    "postprocessor": "_postprocessors",
    "output": "_outputs",
    "objective": "_objectives",
    "perturbation": "_perturbations",
    "tracker": "_trackers",
    "command": "_commands",
    "config": "_configs",
    "hook": "_hooks",
    "kind": "_kinds",
}
"""The module of the checks of each kind that core owns."""


def checks(kind: str) -> tuple[Check, ...]:
    """The checks of one kind, in the order in which they are made; none if it has none.

    Raises
    ------
    PluginError
        If there is no such kind, or its checks cannot be used.
    """
    record = find_kind(kind)
    if kind in _OF_CORE:
        found = import_module(f".{_OF_CORE[kind]}", __package__).CHECKS
    else:
        found = part_of(record, "checks")
    if isinstance(found, Mapping):
        found = found.get(kind)
    made = tuple(found or ())
    if wrong := [each for each in made if not isinstance(each, Check)]:
        raise PluginError(
            f"Among the checks of the kind {kind!r}, {record.checks} of {record.owner}, is {wrong[0]!r}.",
            fix="Its authors make each a check with anemoi_plugin_testing.contract.",
        )
    return made


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
        What it must be: one of :func:`anemoi.core.plugins.kinds`.
    component
        What it is called, or the class, command, package or hook itself.
    expected_failures
        Checks that are known to fail, and why. One that passes all the same is a failure.
    reader
        For an output, the source that reads back what it writes; see :class:`Subject`.
    **options
        What its constructor is given beyond what its interface takes; of one that is named, by default what
        its distribution declares.

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
        found = find(kind, component)
        made = load_component(found)
        said = Declaration(options) if options else declaration(found, made)
        return Subject(kind, found.name, made, said.options, reader, said.reason)
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

    Raises
    ------
    ConfigError
        If an option has another type than the constructor says.
    """

    def __init__(self, subject: Subject, expected_failures: Mapping[str, str]) -> None:
        self._subject = converted(subject)
        self._options = spelt(subject.options)
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
        """The results of all checks, in order; of a kind without checks, one that says so."""
        kind, name = self._subject.kind, self._subject.name
        if not self._checks:
            seen = f"the kind {kind!r} has none yet"
            return [Result(kind, name, "has_checks", "skipped", "Its kind has checks.", seen, 0.0)]
        if seen := self._subject.unchecked:
            return [Result(kind, name, "can_be_checked", "skipped", "It is checked by itself.", seen, 0.0)]
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
                self._options,
            )
        return self._results[name]

    def _judge(self, check: Check) -> tuple[Status, str]:
        status, seen = self._made(check)
        if check.name not in self._expected or status == "skipped":
            return status, seen
        reason = self._expected[check.name]
        if status == "pass":
            return "fail", f"it passes, but was expected to fail ({reason}): remove it from expected_failures"
        return "expected-failure", f"{reason} ({seen})"

    def _made(self, check: Check) -> tuple[Status, str]:
        if self._subject.unchecked:
            return "skipped", self._subject.unchecked
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
