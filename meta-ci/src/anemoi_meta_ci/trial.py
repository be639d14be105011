"""Whether a wheel works as it will be installed, before it is released."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .uv import UvError, uv
from .wheels import Wheel

SECONDS = 3600
"""How long the tests of one distribution may take."""


def try_out(wheel: Wheel, others: Sequence[Path], environment: Path) -> None:
    """Install a wheel into an environment of its own, import what its entry points name, and run its tests.

    Parameters
    ----------
    wheel
        The wheel, and the folder with its tests.
    others
        Wheels to install beside it.
    environment
        The folder to make.

    Raises
    ------
    UvError
        If any of it fails.
    """
    uv("venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    extra = "[test]" if "test" in wheel.extras else ""
    uv(
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        f"{wheel.name}{extra} @ {wheel.path.as_uri()}",
        *others,
    )
    for module in wheel.modules:
        _run(python, "-c", f"import {module}", directory=environment)
    if extra and wheel.source is not None and (wheel.source / "tests").is_dir():
        _run(python, "-m", "pytest", "-q", directory=wheel.source)


def _run(python: Path, *words: str, directory: Path) -> None:
    try:
        done = subprocess.run(
            [str(python), *words], cwd=directory, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UvError(f"'{' '.join(words)}' takes more than {SECONDS} s.") from None
    if done.returncode:
        raise UvError("\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]))
