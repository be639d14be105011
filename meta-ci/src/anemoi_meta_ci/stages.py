"""What is run in the environment of a cell, and what its failures are called."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .results import StageResult
from .wheels import IGNORED, Wheel

_UNDECLARED = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?")


class CellTimeoutError(Exception):
    """The cell has used up its time."""


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
    """

    environment: Path
    scratch: Path
    log: Path
    deadline: float

    def run(self, *words: str | Path) -> tuple[int, str]:
        """Run a program of the environment; its exit code and what it printed.

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
            log.flush()
            start = log.tell()
            program = subprocess.Popen(
                [str(word) for word in words],
                cwd=self.scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = program.wait(max(0.0, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
                raise CellTimeoutError from None
        return code, self.log.read_bytes()[start:].decode(errors="replace")

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
    try:
        reason = run()
    except CellTimeoutError:
        reason = "hangs: it was killed when the cell's time was over"
    return StageResult(stage, not reason, round(time.monotonic() - start, 2), reason)


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
    rows = [row for row in json.loads(said) if _same(row.get("distribution"), wheel.name)]
    wrong = [row for row in rows if row["state"] != "ok" and (torch or not _lacks_torch(row))]
    if not rows and wheel.modules:
        return f"'anemoi plugins list' does not have {wheel.name}"
    return f"{wrong[0]['name']} is {wrong[0]['state']}: {wrong[0].get('reason')}" if wrong else ""


def imports(workspace: Workspace, wheel: Wheel) -> str:
    """Every module that an entry point names, each imported in a process of its own."""
    for module in wheel.modules:
        code, said = workspace.run(workspace.python, "-I", "-c", f"import {module}")
        if code:
            return _why(said, importing=module)
    return ""


def doctor(workspace: Workspace, wheel: Wheel) -> str:
    """``anemoi plugins doctor``: everything loads."""
    code, said = workspace.run(workspace.anemoi, "plugins", "doctor")
    return _why(said) if code else ""


def conformance(workspace: Workspace, wheel: Wheel) -> str:
    """``anemoi plugins check``: the contract of its kind is kept."""
    report = workspace.scratch / "conformance.xml"
    code, said = workspace.run(workspace.anemoi, "plugins", "check", wheel.name, "--junit", report)
    return _why(said) if code else ""


def own_tests(workspace: Workspace, wheel: Wheel, excluded: Sequence[str]) -> str:
    """The plugin's own tests, in a copy of its repository; what they import is the wheel."""
    assert wheel.source is not None
    folder = workspace.scratch / "own"
    shutil.copytree(wheel.source, folder, ignore=shutil.ignore_patterns(*IGNORED), dirs_exist_ok=True)
    deselected = [word for test in excluded for word in ("--deselect", test)]
    code, said = workspace.run(workspace.python, *_pytest(folder), folder / "tests", *deselected)
    return "" if code in (0, 5) else _why(said)


def one_test(workspace: Workspace, test: str) -> bool:
    """Whether one of the plugin's own tests passes, after :func:`own_tests`."""
    folder = workspace.scratch / "own"
    return workspace.run(workspace.python, *_pytest(folder), folder / test)[0] == 0


def _pytest(folder: Path) -> list[str | Path]:
    return [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        folder,
        "-c",
        folder / "pyproject.toml",
        # Its sources may be looked at, and not imported.
        "-o",
        "pythonpath=",
    ]


def commands(workspace: Workspace, lines: Sequence[str]) -> str:
    """Command lines one after the other, as a user types them."""
    for line in lines:
        program, *words = shlex.split(line)
        code, said = workspace.run(workspace.environment / "bin" / program, *words)
        if code:
            return f"'{line}' ended with {code}: {_why(said)}"
    return ""


def _why(said: str, importing: str = "") -> str:
    """What a failure is called: by its cause where that is known, else its last words."""
    if found := _UNDECLARED.search(said):
        by = f" when {importing} is imported" if importing else ""
        return f"imports {found[1]}, which nothing that it declares brings{by}"
    lines = [line.strip() for line in said.strip().splitlines() if line.strip(" =-_│╭╰─╮╯")]
    failures = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
    return (failures or lines or ["it printed nothing"])[-1][:300]


def _lacks_torch(row: Mapping[str, str]) -> bool:
    return re.fullmatch(r"requires torch\b[^;]*, which is not installed", row["reason"]) is not None


def _same(name: str | None, other: str) -> bool:
    return name is not None and re.sub(r"[-_.]+", "-", name).lower() == other
