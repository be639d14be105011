"""Runs cells: each in an environment of its own, from wheels alone."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from . import stages
from .cells import Cell, exclusions_of
from .conflicts import conflicts
from .errors import NoWheelError
from .experiments import lies, tight_caps
from .findings import findings
from .matrix import Exclusion
from .plan import CORE, Plan
from .planned import Planned
from .processes import Programs
from .resolve import Lock
from .results import MatrixRun, Result, StageResult, result_from
from .said import one_line
from .stages import Workspace
from .uv import UvError, find_links, find_python, uv
from .wheels import Wheel


@dataclass
class Runner:
    """Runs the cells of a plan.

    Parameters
    ----------
    plan
        What to run.
    folder
        Where environments, logs and results are kept.
    today
        The day by which exclusions expire.
    programs
        Runs what the cells run, and ends it when the run ends.
    """

    plan: Plan
    folder: Path
    today: datetime.date
    programs: Programs = field(default_factory=Programs)
    _pythons: dict[str, str | None] = field(default_factory=dict, init=False)

    def run(self, planned: Sequence[Planned], *, workers: int, report: Callable[[Result], None]) -> MatrixRun:
        """Run cells, some at a time, and say what came out.

        What was green before, with the same wheels, lock, Python and stages, is not run again, so an
        interrupted run goes on where it was. A cell that fails is run once more: if it then passes it
        is flaky.
        """
        self._pythons = {python: find_python(python) for python in {each.cell.python for each in planned}}
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")

        def one(each: Planned) -> Result:
            result = self._cell(each)
            report(result)
            return result

        pool = ThreadPoolExecutor(workers)
        try:
            results = list(pool.map(one, planned))
        except BaseException:  # an interrupt: nothing may outlive this
            self.programs.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        cells = [each.cell for each in planned]
        judged = [self._excluded(cell, result) for cell, result in zip(cells, results, strict=True)]
        clashes = _clashes(self.plan, cells)
        tried = (*lies(planned, results, self.plan, self._cell), *tight_caps(planned, self.plan, self._cell))
        return MatrixRun(
            started=started,
            results=tuple(result for result, _ in judged),
            findings=(*findings(cells, results), *tried, *(said for managed, said in clashes if not managed)),
            errors=(
                *self._silence(),
                *self._expired(),
                *(error for _, error in judged if error),
                *(said for managed, said in clashes if managed),
            ),
            versions={wheel.name: wheel.version for wheel in self.plan.wheels.values()},
            cores={each.cell.line: each.wheels[0].version for each in planned if each.wheels},
        )

    def _cell(self, planned: Planned) -> Result:
        cell = planned.cell
        blank = Result(
            cell.id,
            cell.row,
            cell.environment,
            cell.subject,
            cell.kind,
            "not-run",
            command=f"anemoi-meta-ci run --cell '{cell.id}'",
        )
        if planned.impossible:
            stage = StageResult("plan", False, 0.0, planned.impossible)
            self._log(blank).write_text(planned.log or planned.impossible, encoding="utf-8")
            return replace(blank, state="fail", reason=stage.reason, stages=(stage,))
        if planned.unsatisfiable:
            return replace(blank, state="declared-incompatible", reason=planned.unsatisfiable)
        if self._pythons[cell.python] is None:
            return replace(blank, reason=f"there is no Python {cell.python} here")
        key = self._key(planned)
        kept = self.folder / "results" / f"{key}.json"
        if kept.exists():
            return replace(result_from(json.loads(kept.read_text(encoding="utf-8"))), cached=True)
        blank = replace(blank, key=key, lock=planned.locks[0].text)
        self._log(blank).write_bytes(b"")  # of both attempts, if there are two
        result = self._attempt(planned, blank)
        if result.state == "fail":
            again = self._attempt(planned, blank)
            if again.state == "pass":
                result = replace(
                    again, state="flaky", reason=f"failed once in two runs: {result.reason}", key=""
                )
        if result.state == "pass":
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(asdict(result)), encoding="utf-8")
        return result

    def _log(self, result: Result) -> Path:
        folder = self.folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / result.log

    def _key(self, planned: Planned) -> str:
        cell = planned.cell
        said = {
            "wheels": sorted(wheel.sha256 for wheel in planned.wheels),
            "sources": planned.source_hash,
            "locks": [lock.text for lock in planned.locks],
            "conformance": planned.conformance.text if planned.conformance else None,
            "cell": [cell.id, cell.stages],
            "commands": self.plan.matrix.smoke.model_dump() if self.plan.matrix.smoke else None,
            "excluded": [each.test for each in self._exclusions(cell)],
            "meta-ci": version("anemoi-meta-ci"),
        }
        return hashlib.sha256(json.dumps(said, default=list).encode()).hexdigest()

    def _attempt(self, planned: Planned, blank: Result) -> Result:
        start = time.monotonic()
        log = self._log(blank)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="cell-") as temporary:
            deadline = start + self.plan.matrix.timeout
            places = (Path(temporary) / "env", Path(temporary) / "home", log)
            workspace = Workspace(*places, deadline, self.programs)
            workspace.scratch.mkdir()
            done = self._stages(planned, workspace)
        failed = not all(each.passed for each in done)
        said = next((each for each in done if each.passed is not failed and each.reason), None)
        return replace(
            blank,
            state="fail" if failed else "pass",
            reason=f"{said.stage}: {said.reason}" if said else "",
            stages=tuple(done),
            seconds=round(time.monotonic() - start, 2),
        )

    def _stages(self, planned: Planned, workspace: Workspace) -> list[StageResult]:
        cell, wheel = planned.cell, planned.wheels[-1]
        smoke = self.plan.matrix.smoke
        steps: list[tuple[str, Callable[[], str]]] = [
            ("install", lambda: self._install(planned, planned.locks[0], workspace))
        ]
        if cell.kind == "plugin":
            known: dict[str, Callable[[], str]] = {
                "cli": lambda: stages.command_line(workspace, wheel, torch=bool(cell.torch)),
                "import": lambda: stages.imports(workspace, wheel),
                "doctor": lambda: stages.doctor(workspace, wheel),
                "conformance": lambda: self._conformance(planned, workspace),
                "own": lambda: self._own(planned, workspace),
            }
            steps += [(stage, known[stage]) for stage in cell.stages]
        else:
            assert smoke is not None
            steps.append(("write", lambda: stages.commands(workspace, smoke.write)))
            if cell.kind == "checkpoint":
                newer = replace(workspace, environment=workspace.environment.with_name("newer"))
                steps.append(("install the newer", lambda: self._install(planned, planned.locks[1], newer)))
                steps.append(("read", lambda: stages.commands(newer, smoke.read)))
            else:
                steps.append(("read", lambda: stages.commands(workspace, smoke.read)))
        done: list[StageResult] = []
        for name, step in steps:
            done.append(stages.measured(name, step))
            if not done[-1].passed:
                break
        return done

    def _install(self, planned: Planned, lock: Lock, workspace: Workspace) -> str:
        try:
            if not workspace.environment.exists():
                uv(
                    "venv",
                    "--quiet",
                    "--python",
                    str(self._pythons[planned.cell.python]),
                    workspace.environment,
                    directory=self.folder,
                )
            requirements = workspace.environment / "lock.txt"
            requirements.write_text(lock.text, encoding="utf-8")
            words = ["--quiet", "--no-deps", "--python", str(workspace.python), "-r", str(requirements)]
            left = max(1.0, workspace.deadline - time.monotonic())
            words += find_links(planned.folders)
            uv("pip", "install", *words, directory=self.folder, seconds=left)
        except UvError as error:
            return one_line(str(error))
        return ""

    def _conformance(self, planned: Planned, workspace: Workspace) -> str:
        """The contract of its kind, with the kit installed now and not before."""
        if planned.conformance and (reason := self._install(planned, planned.conformance, workspace)):
            return reason
        return stages.conformance(workspace, planned.wheels[-1])

    def _own(self, planned: Planned, workspace: Workspace) -> str:
        """The plugin's own tests, with what they need installed now and not before."""
        if reason := self._install(planned, planned.locks[-1], workspace):
            return reason
        excluded = [each.test for each in self._exclusions(planned.cell) if each.test]
        if reason := stages.own_tests(workspace, planned.wheels[-1], excluded):
            return reason
        passing = [test for test in excluded if stages.one_test(workspace, test)]
        return f"{passing[0]} is excluded and passes" if passing else ""

    def _exclusions(self, cell: Cell) -> list[Exclusion]:
        return exclusions_of(cell, self.plan.matrix.exclusions)

    def _excluded(self, cell: Cell, result: Result) -> tuple[Result, str]:
        """A failure that is excluded is none; an excluded cell that passes is an error."""
        whole = [each for each in self._exclusions(cell) if each.test is None]
        if not whole or result.state in {"declared-incompatible", "not-run"}:
            return result, ""
        if result.state == "pass":
            return result, f"{cell.id} is excluded ({whole[0].reason}) and passes: take the exclusion out."
        return replace(result, state="excluded", reason=f"{whole[0].reason} ({whole[0].link})"), ""

    def _silence(self) -> list[str]:
        """What cannot be proved because an index does not answer."""
        silence = self.plan.house.silence
        rest = "What the matrix takes from an index is not proved; the rest is, with the indexes that answer."
        return [f"{silence[0].upper()}{silence[1:]}. {rest}"] if silence else []

    def _expired(self) -> list[str]:
        return [
            f"The exclusion of {each.plugin or each.cell} has expired ({each.expires}): {each.reason}"
            for each in self.plan.matrix.exclusions
            if each.expires < self.today
        ]


def clean(folder: Path) -> None:
    """Take away the environments that an interrupted run has left."""
    for left in folder.glob("cell-*"):
        shutil.rmtree(left, ignore_errors=True)


def _clashes(plan: Plan, cells: Sequence[Cell]) -> list[tuple[bool, str]]:
    """Of each name that several offer, whether all of them are managed, and a sentence."""
    lines = {cell.line for cell in cells}
    cores = [_core(plan, line) for line in plan.matrix.lines if line in lines][:1]
    said = conflicts([*(core for core in cores if core), *plan.wheels.values()])
    managed = {CORE, *plan.matrix.managed}
    return [(names <= managed, sentence) for names, sentence in said]


def _core(plan: Plan, line: str) -> Wheel | None:
    try:
        return plan.core(line)
    except NoWheelError:  # It is told of in each cell that it would be in.
        return None
