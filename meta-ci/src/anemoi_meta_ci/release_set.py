"""What was released together, as a requirements file that pip installs as it is."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .errors import MetaCIError
from .uv import UvError, uv
from .wheels import Wheel


def release_set(wheels: Mapping[str, Wheel]) -> str:
    """Pins with hashes: of these wheels, and of what they require from the package index."""
    pins = [f"{name}=={wheel.version} --hash=sha256:{wheel.sha256}" for name, wheel in sorted(wheels.items())]
    with tempfile.TemporaryDirectory() as temporary:
        wanted = Path(temporary, "wanted.in")
        wanted.write_text(
            "\n".join(f"{name} @ {wheel.path.resolve().as_uri()}" for name, wheel in wheels.items())
        )
        ours = [word for name in wheels for word in ("--no-emit-package", name)]
        words = (
            "--python-version",
            _oldest_python(wheels.values()),
            "--universal",
            "--no-header",
            "--no-annotate",
            "--quiet",
            "--generate-hashes",
        )
        try:
            rest = uv("pip", "compile", wanted, *words, *ours)
        except UvError as error:
            raise MetaCIError(f"What was released cannot be installed together:\n{error}") from None
    # uv ends with a comment on what it was asked to leave out.
    kept = re.sub(r"^#.*\n", "", rest, flags=re.MULTILINE)
    return "\n".join(["# Released together; install with --require-hashes.", *pins, kept]).rstrip("\n") + "\n"


def _oldest_python(wheels: Iterable[Wheel]) -> str:
    """The oldest Python that all of these are for."""
    ranges = [SpecifierSet(wheel.requires_python) for wheel in wheels]
    oldest = [each.version for one in ranges for each in one if each.operator == ">="]
    return max(oldest, key=Version, default="3.10")
