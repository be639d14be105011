"""The known-good set of a line, as a constraints file for pip."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from .errors import MetaCIError
from .matrix import Matrix
from .plan import CORE, Plan
from .results import GREEN, MatrixRun
from .uv import find_links, uv
from .wheels import Wheel


def constraints(matrix: Matrix, plan: Plan, run: MatrixRun, line: str) -> str:
    """The versions of a line that were proved together, with hashes.

    The set is the one that the job from end to end ran with, at the highest versions; each managed
    plugin has to be green in every cell of the line.

    Raises
    ------
    MetaCIError
        If a managed plugin is not green or was not run, or the set was not proved as a whole.
    """
    of_line = [each for each in run.results if each.environment.split("/")[0] == line]
    missing = []
    for name in matrix.managed:
        cells = [each for each in of_line if each.subject == name]
        ran = [each for each in cells if each.state in {"pass", "fixed"}]
        if bad := [each for each in cells if each.state not in GREEN]:
            missing.append(f"  {name}: {bad[0].id} is {bad[0].state}: {bad[0].reason}")
        elif not ran:
            missing.append(f"  {name}: no cell of it has passed")
    together = [
        each
        for each in of_line
        if each.kind == "set" and each.state in {"pass", "fixed"} and "/highest" in each.environment
    ]
    if not together:
        missing.append("  the job from end to end has not passed with the highest versions")
    if missing:
        raise MetaCIError("\n".join([f"There is no known-good set of {line}:", *missing]))
    pins = [
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}  # {wheel.origin}"
        for wheel in ours(matrix, plan, line)
    ]
    return "\n".join(
        [
            f"# The known-good set of {CORE} {line}, proved together in {together[0].id} on {run.started}.",
            *pins,
            *_hashed(together[0].lock, plan, _cell(together[0].id)),
            "",
        ]
    )


def ours(matrix: Matrix, plan: Plan, line: str) -> list[Wheel]:
    """The wheels of a set that are core's and its plugins'."""
    return [plan.core(line), *(plan.wheels[name] for name in matrix.managed)]


def publish(text: str, wheels: Sequence[Wheel], path: Path) -> Path | None:
    """Write a set, and into ``wheels`` beside it those of its wheels that are on no index.

    The wheels are there before the set that names them. The folder of the wheels, None if an index has all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent / "wheels"
    missing = [wheel for wheel in wheels if not wheel.from_index]
    for wheel in missing:
        folder.mkdir(exist_ok=True)
        shutil.copyfile(wheel.path, folder / wheel.path.name)
    path.write_text(text, encoding="utf-8")
    return folder if missing else None


def _hashed(lock: str, plan: Plan, versions: tuple[str, str]) -> list[str]:
    """The rest of the lock, with the hashes of every file that the index has of each."""
    python, torch = versions
    pinned = [line for line in lock.splitlines() if re.match(r"^[A-Za-z0-9._-]+==", line)]
    wanted = plan.house.folder / "constraints.in"
    wanted.write_text("\n".join(pinned), encoding="utf-8")
    words = ["--no-deps", "--no-header", "--no-annotate", "--quiet", "--generate-hashes"]
    folders = [plan.house.torch(torch)] if torch else []
    lines = uv(
        "pip",
        "compile",
        wanted,
        "--python-version",
        python,
        *words,
        *find_links(folders),
        directory=plan.house.folder,
    ).splitlines()
    # A local version is that of one build, torch 2.13.0+cpu, and 2.13.0 stands for all of them.
    return [re.sub(r"^([^=\s]+==[^+\s]+)\+\S+", r"\1", line) for line in lines]


def _cell(name: str) -> tuple[str, str]:
    parts = name.split("/")
    torch = "" if parts[2] == "no-torch" else parts[2].removeprefix("torch")
    return parts[1].removeprefix("py"), torch
