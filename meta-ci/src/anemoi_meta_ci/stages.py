"""What is run in the environment of a cell, and what its failures are called."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .declared import undeclared
from .processes import CellTimeoutError, Programs
from .results import StageResult
from .said import cause, one_line
from .wheels import IGNORED, Wheel

_OFFERED = "import json, importlib.metadata as m; print(json.dumps(m.packages_distributions()))"
# The sources may be looked at, and not imported.
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "-o", "pythonpath=")
_UNDECLARED = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?")


class NoTestsError(Exception):
    """There is nothing to run in a stage, and why."""


@dataclass
class Workspace:
    """The environment of a cell, a folder to work in, a log and a deadline.

    Parameters
    ----------
    environment
        The virtual environment.
    scratch
        Where commands run, and the home of the user as they see it.
    log
        What they print is appended to it.
    deadline
        When the cell has to be through, by :func:`time.monotonic`.
    programs
        Runs them.
    """

    environment: Path
    scratch: Path
    log: Path
    deadline: float
    programs: Programs

    def run(self, *words: str | Path, directory: Path | None = None) -> tuple[int, str]:
        """Run a program of the environment in a folder; its exit code and what it printed.

        Nothing of the user's reaches it: no ``PYTHONPATH``, no configuration, no user site.

        Raises
        ------
        CellTimeoutError
            If the cell's time is over; the program and all that it started are killed.
        """
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
        path = os.pathsep.join([str(self.environment / "bin"), os.environ.get("PATH", os.defpath)])
        environment = {**kept, "PATH": path, "HOME": str(self.scratch), "PYTHONNOUSERSITE": "1"}
        environment |= {"VIRTUAL_ENV": str(self.environment), "OMP_NUM_THREADS": "1", "COLUMNS": "110"}
        with self.log.open("ab") as log:
            log.write(f"\n$ {shlex.join(map(str, words))}\n".encode())
        return self.programs.run(
            [str(word) for word in words],
            cwd=directory or self.scratch,
            environment=environment,
            log=self.log,
            deadline=self.deadline,
        )

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"

    @property
    def anemoi(self) -> Path:
        """Its command ``anemoi``."""
        return self.environment / "bin" / "anemoi"


def measured(stage: str, run: Callable[[], str]) -> StageResult:
    """The result of a stage that gives back why it failed, or an empty string."""
    start = time.monotonic()
    passed = False
    try:
        reason = run()
        passed = not reason
    except CellTimeoutError as error:
        reason = str(error)
    except NoTestsError as error:
        reason, passed = str(error), True
    return StageResult(stage, passed, round(time.monotonic() - start, 2), reason)


def command_line(workspace: Workspace, wheel: Wheel, *, torch: bool) -> str:
    """The commands that need no torch, and that the plugin is found and fits.

    Where there is no torch on purpose, that is the one requirement that may be said not to hold.
    """
    code, said = workspace.run(workspace.anemoi, "--version")
    if code:
        return _why(said)
    code, said = workspace.run(workspace.anemoi, "plugins", "list", "--json")
    if code:
        return _why(said)
    rows = [row for row in _json(said) if _same(row.get("distribution"), wheel.name)]
    wrong = [row for row in rows if not _as_it_should_be(row) and (torch or not _lacks_torch(row))]
    if not rows and wheel.modules:
        return f"'anemoi plugins list' does not have {wheel.name}"
    return f"{wrong[0]['name']} is {wrong[0]['state']}: {wrong[0].get('reason')}" if wrong else ""


def imports(workspace: Workspace, wheel: Wheel) -> str:
    """What the wheel imports is declared; and every module that an entry point names, in its own process."""
    code, said = workspace.run(workspace.python, "-I", "-c", _OFFERED)
    if code:
        return _why(said)
    if wrong := undeclared(wheel, _json(said)):
        return wrong[0]
    for module in wheel.modules:
        code, said = workspace.run(workspace.python, "-I", "-c", f"import {module}")
        if code:
            return _why(said, importing=module)
    return ""


def doctor(workspace: Workspace, wheel: Wheel) -> str:
    """``anemoi plugins doctor``: everything loads; if not, the component and the reason."""
    code, said = workspace.run(workspace.anemoi, "plugins", "doctor", "--json")
    if not code:
        return ""
    try:
        wrong = [row for row in _json(said) if not _as_it_should_be(row)]
    except ValueError:
        return _why(said)
    if not wrong:
        return ""
    wrong.sort(key=lambda row: not _same(row.get("distribution"), wheel.name))
    told = [
        one_line(f"{row['name']} of {row.get('distribution')} is {row['state']}: {row.get('reason')}")
        for row in wrong
    ]
    return told[0]


def conformance(workspace: Workspace, wheel: Wheel) -> str:
    """``anemoi plugins check``: the contract of its kind is kept."""
    report = workspace.scratch / "conformance.xml"
    code, said = workspace.run(workspace.anemoi, "plugins", "check", wheel.name, "--junit", report)
    return _why(said) if code else ""


def own_tests(workspace: Workspace, wheel: Wheel, excluded: Sequence[str]) -> str:
    """The plugin's own tests, in a copy of its repository; what they import is the wheel.

    Raises
    ------
    NoTestsError
        If its release or its repository has none.
    """
    if wheel.source is None:
        raise NoTestsError("no tests: its release has no sdist that they could be in")
    if not (wheel.source / "tests").is_dir():
        raise NoTestsError("no tests: its source has no folder of that name")
    folder = workspace.scratch / "own"
    shutil.copytree(wheel.source, folder, ignore=shutil.ignore_patterns(*IGNORED), dirs_exist_ok=True)
    deselected = [word for test in excluded for word in ("--deselect", test)]
    code, said = workspace.run(workspace.python, *_PYTEST, "tests", *deselected, directory=folder)
    if code in (0, 5):
        return ""
    # Programs that tests start print too: only what pytest marks is why a test failed.
    raised = [line for line in said.splitlines() if line.startswith("E ")]
    return _missing("\n".join(raised)) or cause(said)


def one_test(workspace: Workspace, test: str) -> bool:
    """Whether one of the plugin's own tests passes, after :func:`own_tests`."""
    folder = workspace.scratch / "own"
    return workspace.run(workspace.python, *_PYTEST, test, directory=folder)[0] == 0


def commands(workspace: Workspace, lines: Sequence[str]) -> str:
    """Command lines one after the other, as a user types them."""
    for line in lines:
        program, *words = shlex.split(line)
        code, said = workspace.run(workspace.environment / "bin" / program, *words)
        if code:
            return f"'{line}' ended with {code}: {_why(said)}"
    return ""


def _why(said: str, importing: str = "") -> str:
    """What a failure is called: by its cause where that is known, else what the program failed of."""
    return _missing(said, importing) or cause(said)


def _missing(said: str, importing: str = "") -> str:
    """That a module is imported which is not there, if that is what was said."""
    if (found := _UNDECLARED.search(said)) is None:
        return ""
    by = f" when {importing} is imported" if importing else ""
    return f"imports {found[1]}, which nothing that it declares brings{by}"


def _json(said: str) -> Any:
    """What a program printed as JSON, after warnings that it may have printed before."""
    start = re.search(r"^[\[{]", said, re.MULTILINE)
    if start is None:
        raise ValueError("it printed no JSON")
    return json.JSONDecoder().raw_decode(said, start.start())[0]


def _as_it_should_be(row: Mapping[str, str]) -> bool:
    """Whether a component is ok, or asks for an extra of its distribution, which a cell does not install."""
    return row["state"] == "ok" or (row["state"] == "incompatible" and "[" in row.get("value", ""))


def _lacks_torch(row: Mapping[str, str]) -> bool:
    return re.fullmatch(r"requires torch\b[^;]*, which is not installed", row["reason"]) is not None


def _same(name: str | None, other: str) -> bool:
    return name is not None and re.sub(r"[-_.]+", "-", name).lower() == other
