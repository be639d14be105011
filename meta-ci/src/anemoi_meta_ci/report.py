"""A run for people and machines to look at: a page, a summary, JUnit, badges."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Environment

from .results import GREEN, MatrixRun, Result, State

SYMBOLS: Mapping[str, str] = {
    "pass": "✓",
    "fixed": "✓ fixed",
    "fail": "✗",
    "regressed": "✗ regressed",
    "broken-before": "✗ as before",
    "flaky": "~ flaky",
    "declared-incompatible": "declared incompatible",
    "excluded": "excluded",
    "not-run": "not run",
}
_BADGE_COLOURS: Mapping[str, str] = {"passing": "brightgreen", "flaky": "yellow", "failing": "red"}
_TAIL = 6_000


def write(run: MatrixRun, folder: Path, logs: Path, cells: int) -> list[Path]:
    """Write everything into a folder; the paths written. ``cells`` is how many the matrix has."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "index.html": page(run, logs),
        "summary.md": summary(run, cells),
        "junit.xml": junit(run, logs),
        **{f"badges/{name}.json": json.dumps(badge) for name, badge in badges(run).items()},
    }
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / name for name in written]


def page(run: MatrixRun, logs: Path) -> str:
    """One self-contained HTML page: the grid, and behind each cell its log, lock and command."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("anemoi_meta_ci").joinpath("report.html").read_text(encoding="utf-8")
    )
    rows, columns = _axes(run.results)
    return template.render(
        run=run,
        rows=rows,
        columns=columns,
        cells={(each.row, each.environment): each for each in run.results},
        symbols=SYMBOLS,
        counts=counts(run.results),
        locks={each.id: _portable(each.lock, logs) for each in run.results},
        logs={each.id: _tail(logs / each.log) for each in run.results},
    )


def summary(run: MatrixRun, cells: int) -> str:
    """What was run, as Markdown: the versions, a table of the grid, then what failed and what was found."""
    rows, columns = _axes(run.results)
    grid = {(each.row, each.environment): each for each in run.results}
    part = "All" if len(run.results) == cells else f"{len(run.results)} of the"
    cores = ", ".join(f"{version} (`{line}`)" for line, version in run.cores.items())
    lines = [
        "# Which versions work together",
        "",
        f"{part} {cells} cells of the matrix, run on {run.started[:10]}. Versions of anemoi-core: {cores}.",
        "",
        "| | " + " | ".join(f"`{column}`" for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in rows:
        marks = [SYMBOLS[grid[row, c].state] if (row, c) in grid else "" for c in columns]
        named = f"{row} {run.versions[row]}" if row in run.versions else row
        lines.append(f"| {named} | " + " | ".join(marks) + " |")
    lines += ["", ", ".join(f"{count} {state}" for state, count in counts(run.results).items()) + "."]
    bad = [f"- `{each.id}`: {each.reason}" for each in run.results if each.state not in GREEN]
    for title, said in (
        ("Not as it should be", bad),
        ("Found", [f"- {each}" for each in run.findings]),
        ("To be mended", [f"- {each}" for each in run.errors]),
    ):
        lines += ["", f"## {title}", "", *said] if said else []
    return "\n".join(lines) + "\n"


def junit(run: MatrixRun, logs: Path) -> str:
    """One test case for each cell."""
    suite = ElementTree.Element(
        "testsuite",
        name="anemoi-meta-ci",
        tests=str(len(run.results)),
        failures=str(sum(_failed(each) for each in run.results)),
        skipped=str(sum(each.state in _SKIPPED for each in run.results)),
        timestamp=run.started,
    )
    for each in run.results:
        case = ElementTree.SubElement(
            suite, "testcase", classname=each.environment, name=each.row, time=str(each.seconds)
        )
        if _failed(each):
            failure = ElementTree.SubElement(case, "failure", message=each.reason, type=each.state)
            failure.text = _tail(logs / each.log)
        elif each.state in _SKIPPED:
            ElementTree.SubElement(case, "skipped", message=f"{each.state}: {each.reason}")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def badges(run: MatrixRun) -> dict[str, dict[str, object]]:
    """For each plugin what shields.io draws a badge from."""
    by_plugin: dict[str, list[Result]] = {}
    for each in run.results:
        if each.kind == "plugin":
            by_plugin.setdefault(each.subject, []).append(each)
    return {name: _badge(results) for name, results in by_plugin.items()}


def counts(results: Sequence[Result]) -> dict[State, int]:
    """How many cells are in each state, in the order in which they are met."""
    found: dict[State, int] = {}
    for each in results:
        found[each.state] = found.get(each.state, 0) + 1
    return found


_SKIPPED = frozenset({"declared-incompatible", "excluded", "not-run"})


def _failed(result: Result) -> bool:
    return result.state not in GREEN and result.state not in _SKIPPED and result.state != "flaky"


def _badge(results: Sequence[Result]) -> dict[str, object]:
    ran = [each for each in results if each.state not in _SKIPPED]
    passing = sum(each.state in GREEN for each in ran)
    state = "failing" if any(map(_failed, ran)) else "passing" if passing == len(ran) else "flaky"
    message = f"{passing} of {len(ran)}" if ran else "not run"
    colour = _BADGE_COLOURS[state] if ran else "lightgrey"
    return {"schemaVersion": 1, "label": "anemoi", "message": message, "color": colour}


def _axes(results: Sequence[Result]) -> tuple[list[str], list[str]]:
    rows = list(dict.fromkeys(each.row for each in results))
    return rows, list(dict.fromkeys(each.environment for each in results))


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    text = "".join(
        c for c in path.read_text(encoding="utf-8", errors="replace") if c.isprintable() or c == "\n"
    )
    text = _portable(text, path.parent)
    return text if len(text) <= _TAIL else "…" + text[-_TAIL:]


def _portable(text: str, logs: Path) -> str:
    """The text with the folder of the run by its name alone: where it lay means nothing to a reader."""
    return text.replace(str(logs.parent), logs.parent.name)
