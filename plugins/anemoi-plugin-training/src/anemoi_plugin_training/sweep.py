"""Several trainings that differ in some settings, one after another, each a run of its own."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.files import write_whole

from .directory import CONFIGURATION
from .leaving import InterruptedTraining, Leaving
from .saving import CHECKPOINT

SWEEP = "sweep.json"
_ANEMOI = ("-c", "import sys; from anemoi.core.cli import main; sys.exit(main())")
_OFTEN = 0.1
"""Seconds between two looks at a run."""


@dataclass(frozen=True)
class SweepRun:
    """One training of a sweep.

    Parameters
    ----------
    directory
        That of its run.
    overrides
        Of its configuration.
    """

    directory: Path
    overrides: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether it has its checkpoint."""
        return (self.directory / CHECKPOINT).exists()

    def command(self, options: Sequence[str], *, program: Sequence[str] = _ANEMOI) -> list[str]:
        """The command that begins it, or goes on with it; ``program`` is what Python runs."""
        train = [sys.executable, *program, "train"]
        if (self.directory / CONFIGURATION).exists():
            trust = [each for each in options if each == "--trust-code"]
            return [*train, "--resume", str(self.directory), *trust]
        return [*train, *self.overrides, *options, "--output", str(self.directory)]


def expanded(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Give the overrides of every run: all combinations of the values that are given of each key.

    Parameters
    ----------
    words
        In Hydra's grammar: ``model=gnn,transformer``, ``training.seed=range(0,5)``.

    Raises
    ------
    ConfigError
        If values cannot be counted, or no key has several.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException, OverrideParseException

    parser, choices = OverridesParser.create(), []
    for word in words:
        try:
            (override,) = parser.parse_overrides([word])
        except (OverrideParseException, HydraException):
            choices.append([word])  # whether it is a mistake, the run itself says
            continue
        if not override.is_sweep_override():
            choices.append([word])
        elif override.is_choice_sweep() or override.is_range_sweep():
            key = word.partition("=")[0]
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise ConfigError(
                f"{word!r} gives values that cannot be counted.",
                fix="Write them out: key=a,b,c or key=range(0,10,2).",
            )
    found = list(itertools.product(*choices))
    if len(found) == 1:
        raise ConfigError(
            "--multirun: no setting has several values.", fix="Give some: training.learning_rate=1e-3,3e-3"
        )
    return found


def planned(words: Sequence[str], directory: Path) -> list[SweepRun]:
    """Plan the runs of a sweep in a directory: ``000``, ``001``, ...

    Raises
    ------
    AnemoiError
        If another sweep is there.
    """
    runs = [SweepRun(directory / f"{number:03d}", each) for number, each in enumerate(expanded(words))]
    record = {"runs": {run.directory.name: list(run.overrides) for run in runs}}
    path = directory / SWEEP
    if directory.exists() and not path.exists() and any(directory.iterdir()):
        raise AnemoiError(f"{directory} exists, and has no sweep.", fix="Choose another with --output.")
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != record:
        raise AnemoiError(
            f"There is another sweep in {directory}: see {path}.",
            fix="Choose another directory with --output, or give the same settings to go on.",
        )
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(record, indent=2) + "\n").encode())
    return runs


def take(
    runs: Sequence[SweepRun],
    *,
    options: Sequence[str] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> None:
    """Take the runs that have not finished, each in a process of its own; go on with those that were left.

    Parameters
    ----------
    runs
        In this order.
    options
        Further words for the command of each.
    tell
        Is told of each run.

    Raises
    ------
    InterruptedTraining
        If a signal came; the run that was under way has saved its state.
    AnemoiError
        If runs have failed; those after them were taken all the same.
    """
    failed = []
    with Leaving() as leaving:
        for run in runs:
            if run.finished:
                tell(f"{run.directory}: has finished")
                continue
            tell(f"{run.directory}: {' '.join(run.overrides)}")
            code = _watched(subprocess.Popen(run.command(options)), leaving)
            if leaving.reason is not None or code == InterruptedTraining.exit_code:
                raise left([run])
            if code:
                failed.append(run)
    raise_failures(failed, len(runs))


def left(runs: Sequence[SweepRun]) -> InterruptedTraining:
    """Give the error for runs that have left before their end."""
    listed = ", ".join(str(run.directory) for run in runs)
    return InterruptedTraining(
        f"The sweep was left in {listed}.", fix="To go on give the same command again."
    )


def raise_failures(failed: Sequence[SweepRun], count: int) -> None:
    """Tell of the runs that have failed, if any.

    Raises
    ------
    AnemoiError
        If there are some.
    """
    if failed:
        listed = ", ".join(sorted(run.directory.name for run in failed))
        raise AnemoiError(
            f"{len(failed)} of {count} runs have failed: {listed}.",
            fix="See what they say above. The same command takes them again, and none that has finished.",
        )


def _watched(process: subprocess.Popen[bytes], leaving: Leaving) -> int:
    """Wait for a run, and let it leave when the sweep must."""
    told = False
    while process.poll() is None:
        if leaving.reason is not None and not told:
            process.send_signal(signal.SIGTERM)
            told = True
        time.sleep(_OFTEN)
    return process.returncode
