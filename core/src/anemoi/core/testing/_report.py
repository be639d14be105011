"""The checks of installed components, and the report on them: for people, and for continuous integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from ..config.options import options
from ..errors import AnemoiError
from ..plugins._explain import named
from ..plugins._kinds import INTERFACES
from ..plugins._load import load_component, refusal
from ._check import Result, Subject
from ._run import Examination


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
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise AnemoiError(f"The value of {word!r} is not YAML: {error}") from error
    return found


def results(name: str, given: Mapping[str, Any]) -> list[Result]:
    """The checks of all that a user may mean by a name.

    Parameters
    ----------
    name
        A component, a distribution, or ``distribution:component``.
    given
        Options; each goes to those components that have it.

    Raises
    ------
    PluginError
        If nothing is called so, or a component cannot be used.
    AnemoiError
        If no component has an option that is given.
    """
    examinations, unused = [], set(given)
    for component in named(name):
        if component.state not in ("ok", "conflict", "broken"):
            raise refusal(component)
        found = load_component(component)
        known = options(found, kind=component.kind) if component.kind in INTERFACES else {}
        taken = {key: value for key, value in given.items() if key in known}
        unused -= set(taken)
        examinations.append(Examination(Subject(component.kind, component.name, found, taken), {}))
    if unused:
        raise AnemoiError(f"Nothing called {name!r} has an option {', '.join(sorted(unused))}.")
    return [result for examination in examinations for result in examination.results()]


def text(results: Sequence[Result]) -> str:
    """The report as lines, one for each check that passes."""
    lines = []
    for (kind, component), group in groupby(results, key=lambda one: (one.kind, one.component)):
        lines.append(f"{kind} {component}")
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
    for (kind, component), group in groupby(results, key=lambda one: (one.kind, one.component)):
        suite = ElementTree.SubElement(root, "testsuite", name=f"{kind} {component}")
        for one in group:
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
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            suite.set(attribute, str(len(list(suite.iter(tag)))))
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise AnemoiError(f"{path} cannot be written: {error.strerror or error}.") from error


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(each if each.isprintable() or each in "\n\t" else "?" for each in text)
