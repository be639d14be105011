"""What was released together, as a requirements file that pip installs as it is."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

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
        words = ("--universal", "--no-header", "--no-annotate", "--quiet", "--generate-hashes")
        try:
            rest = uv("pip", "compile", wanted, *words, *ours)
        except UvError as error:
            raise MetaCIError(f"What was released cannot be installed together:\n{error}") from None
    # uv ends with a comment on what it was asked to leave out.
    kept = re.sub(r"^#.*\n", "", rest, flags=re.MULTILINE)
    return "\n".join(["# Released together; install with --require-hashes.", *pins, kept]).rstrip("\n") + "\n"
