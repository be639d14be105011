"""What came out of each cell, kept as JSON, and what it means beside an earlier run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .errors import MetaCIError

State = Literal[
    "pass",
    "fail",
    "flaky",
    "declared-incompatible",
    "excluded",
    "not-run",
    "regressed",
    "fixed",
    "broken-before",
]
GREEN: frozenset[str] = frozenset({"pass", "fixed", "declared-incompatible", "excluded"})
"""The states of a cell that is as it should be."""


@dataclass(frozen=True)
class StageResult:
    """One stage of a cell.

    Parameters
    ----------
    stage
        Which one.
    passed
        Whether it did.
    seconds
        How long it took.
    reason
        Why it failed, on one line.
    """

    stage: str
    passed: bool
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """What came out of a cell.

    Parameters
    ----------
    id, row, environment, subject, kind
        Of the cell.
    state
        What it came to.
    reason
        Why, on one line, where it is not simply green.
    stages
        What was run.
    lock
        What was installed: the requirements file of the environment.
    key
        A hash of all that the outcome follows from.
    seconds
        Of the whole.
    command
        What runs this cell again.
    cached
        Whether it was not run, since it was green before with the same key.
    """

    id: str
    row: str
    environment: str
    subject: str
    kind: str
    state: State
    reason: str = ""
    stages: tuple[StageResult, ...] = ()
    lock: str = ""
    key: str = ""
    seconds: float = 0.0
    command: str = ""
    cached: bool = False

    @property
    def failed_stage(self) -> str:
        """The stage that failed, or an empty string."""
        return next((each.stage for each in self.stages if not each.passed), "")

    @property
    def log(self) -> str:
        """The name of its log, in the folder of logs."""
        return self.id.replace("/", "_").replace("<", "lt").replace(">", "gt") + ".log"


@dataclass(frozen=True)
class MatrixRun:
    """All results of a run, and what was found in them together.

    Parameters
    ----------
    started
        When, in UTC.
    results
        One for each cell.
    findings
        What the cells say together; see :mod:`.findings`.
    errors
        What fails the run though no cell need fail: exclusions that have expired or are not needed, a name
        that managed plugins share, an index that does not answer.
    versions
        Of the plugins.
    cores
        The version of core of each line.
    """

    started: str
    results: tuple[Result, ...]
    findings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    cores: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> MatrixRun:
        """Read what :meth:`save` wrote.

        Raises
        ------
        MetaCIError
            If there is nothing of the kind.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                started=data["started"],
                results=tuple(result_from(each) for each in data["results"]),
                findings=tuple(data["findings"]),
                errors=tuple(data["errors"]),
                versions=data["versions"],
                cores=data.get("cores", {}),  # Runs of before did not say.
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MetaCIError(
                f"{path} holds no results: {error}", fix="Run 'anemoi-meta-ci run' first."
            ) from None


def together(runs: Sequence[MatrixRun]) -> MatrixRun:
    """The runs of parts of a matrix as one, with the last result of each cell."""
    return MatrixRun(
        started=min(run.started for run in runs),
        results=tuple({each.id: each for run in runs for each in run.results}.values()),
        findings=tuple(dict.fromkeys(said for run in runs for said in run.findings)),
        errors=tuple(dict.fromkeys(said for run in runs for said in run.errors)),
        versions={name: version for run in runs for name, version in run.versions.items()},
        cores={line: version for run in runs for line, version in run.cores.items()},
    )


def result_from(data: Mapping[str, Any]) -> Result:
    """One result out of its JSON."""
    return Result(**{**data, "stages": tuple(StageResult(**each) for each in data["stages"])})


def against(results: Iterable[Result], baseline: Sequence[Result]) -> list[Result]:
    """Say of each cell whether it is new that it passes or fails."""
    before = {each.id: each.state for each in baseline}
    said: dict[tuple[str, bool], State] = {
        ("pass", False): "fixed",
        ("fail", True): "regressed",
        ("fail", False): "broken-before",
    }
    compared = []
    for each in results:
        earlier = before.get(each.id)
        known = earlier in {"pass", "fixed", "fail", "regressed", "broken-before"}
        key = (each.state, earlier in {"pass", "fixed"})
        compared.append(replace(each, state=said.get(key, each.state)) if known else each)
    return compared
