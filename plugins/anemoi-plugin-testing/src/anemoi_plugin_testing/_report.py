"""The checks of installed components, and the report on them: for people, and for continuous integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from anemoi.core.config.files import read_value
from anemoi.core.config.layers import find_layers
from anemoi.core.config.options import options
from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import InstalledComponent, find_kind, load_component, named, refusal

from ._check import Result, Subject
from ._configs import options_in
from ._declaration import declaration
from ._run import Examination, checks

MISSING: Final = "???"
"""What a configuration has in the place of a value that a user must give."""


def reasons(given: Sequence[str]) -> dict[str, str]:
    """Expected failures from ``CHECK=REASON``.

    Raises
    ------
    AnemoiError
        If one is not of that form.
    """
    found = {}
    for word in given:
        check, equals, reason = word.partition("=")
        if not check or not equals:
            raise AnemoiError(
                f"{word!r} has no reason why it is expected to fail.", fix="Write it as CHECK=REASON."
            )
        found[check] = reason
    return found


def parsed(given: Sequence[str]) -> dict[str, Any]:
    """Options from ``KEY=VALUE``, the value in YAML.

    Raises
    ------
    AnemoiError
        If one is not of that form.
    """
    found = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise AnemoiError(f"{word!r} is not an option.", fix="Write it as KEY=VALUE: --option path=DATA")
        found[key] = read_value(value, of=f"--option {key}")
    return found


def results(
    name: str,
    given: Mapping[str, Any],
    *,
    expected_failures: Mapping[str, str] | None = None,
    reader: str | None = None,
) -> list[Result]:
    """The checks of all that a user may mean by a name.

    Parameters
    ----------
    name
        A component, a distribution, or ``distribution:component``.
    given
        Options; each goes to those components that have it, and before what its distribution declares. A
        component that needs more takes them from the configuration, if a file there names it.
    expected_failures
        Checks that are known to fail, as ``check``, ``kind.check`` or ``kind.component.check``, and why.
    reader
        The source that reads back what an output writes.

    Raises
    ------
    PluginError
        If nothing is called so, or a component cannot be used.
    AnemoiError
        If no component has an option that is given, or a check that is expected to fail.
    """
    expected = dict(expected_failures or {})
    examinations, unused, unknown = [], set(given), set(expected)
    for component in named(name):
        if component.state not in ("ok", "conflict", "broken"):
            raise refusal(component)
        found, kind = load_component(component), component.kind
        known = options(found, kind=kind) if find_kind(kind).interface else {}
        own = {key: value for key, value in given.items() if key in known}
        said = declaration(component, found)
        taken = {**said.options, **own}
        unchecked = "" if own else said.reason
        required = {key for key, parameter in known.items() if parameter.required}
        if required - set(taken) and not unchecked:
            taken = {**_configured(component, required), **taken}
        meant = {
            word: each.name
            for each in checks(kind)
            for word in (each.name, f"{kind}.{each.name}", f"{kind}.{component.name}.{each.name}")
            if word in expected
        }
        unused, unknown = unused - set(own), unknown - set(meant)
        examinations.append(
            Examination(
                Subject(kind, component.name, found, taken, reader, unchecked),
                {check: expected[word] for word, check in meant.items()},
            )
        )
    if unused:
        raise AnemoiError(f"Nothing called {name!r} has an option {', '.join(sorted(unused))}.")
    if unknown:
        raise AnemoiError(
            f"Nothing called {name!r} has a check {', '.join(sorted(unknown))}.",
            fix="Write it as CHECK, KIND.CHECK or KIND.NAME.CHECK, by the names that the report gives.",
        )
    return [result for examination in examinations for result in examination.results()]


def _configured(component: InstalledComponent, required: set[str]) -> dict[str, Any]:
    """The options of a component in the last layer of the configuration that has a file with all it needs."""
    for layer in reversed(find_layers()):
        if layer.directory and not layer.problem:
            for found in options_in(layer.directory, component.kind, component.name):
                if all(found.get(name, MISSING) != MISSING for name in required):
                    return found
    return {}


def text(results: Sequence[Result]) -> str:
    """The report as lines, one for each check that passes."""
    lines = []
    for (kind, component, given), group in groupby(
        results, key=lambda one: (one.kind, one.component, one.options)
    ):
        lines.append(f"{kind} {component}" + (f", with {given}" if given else ""))
        for one in group:
            lines.append(f"  {one.status:<8}  {one.check}")
            if one.status == "fail":
                lines += [f"            contract: {one.contract}", f"            seen: {one.seen}"]
            elif one.seen:
                lines[-1] += f": {one.seen}"
    statuses = [one.status for one in results]
    counts = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return "\n".join([*lines, "", f"{len(results)} checks: {', '.join(counts)}."])


def write_junit(path: Path, results: Sequence[Result]) -> None:
    """Write the report in the XML of JUnit, which continuous integration understands.

    Raises
    ------
    AnemoiError
        If the file cannot be written.
    """
    root = ElementTree.Element("testsuites")
    _total(root, results)
    for (kind, component), group in groupby(results, key=lambda one: (one.kind, one.component)):
        suite, members = ElementTree.SubElement(root, "testsuite", name=f"{kind} {component}"), list(group)
        _total(suite, members)
        suite.set("skipped", str(sum(one.status in ("skipped", "expected-failure") for one in members)))
        for one in members:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"{kind}.{component}",
                name=one.check,
                time=f"{one.seconds:.3f}",
            )
            if one.status == "fail":
                failure = ElementTree.SubElement(case, "failure", message=_printable(one.seen))
                failure.text = _printable(f"contract: {one.contract}\nseen: {one.seen}")
            elif one.status != "pass":
                ElementTree.SubElement(case, "skipped", message=_printable(f"{one.status}: {one.seen}"))
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise AnemoiError(f"{path} cannot be written: {error.strerror or error}.") from error


def _total(element: ElementTree.Element, results: Sequence[Result]) -> None:
    """What the schema of Jenkins wants of every suite."""
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(one.status == "fail" for one in results)))
    element.set("errors", "0")
    element.set("time", f"{sum(one.seconds for one in results):.3f}")


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(each if each.isprintable() or each in "\n\t" else "?" for each in text)
