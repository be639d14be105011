"""How many checks the conformance kit has for each kind, and how many wrong components they catch.

Each wrong component of ``plugins/anemoi-plugin-testing/tests/kit/specimens`` has one fault. It counts as caught where the
check that names the fault fails, and as exact where no other does. Right components must pass.

    OMP_NUM_THREADS=1 python benchmarks/conformance.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "plugins" / "anemoi-plugin-testing" / "tests" / "kit"
sys.path[:0] = [str(TESTS), str(TESTS / "site")]

from anemoi.core.plugins import KINDS
from anemoi_plugin_testing import check, checks
from specimens.everything import RIGHT, WRONG
from specimens.outputs import NumpyReader


def failed(kind: str, component: Any) -> set[str]:
    """The checks that a component fails."""
    reader = NumpyReader if kind == "output" else None
    return {one.check for one in check(kind, component, reader=reader) if one.status == "fail"}


def main() -> int:
    """Print a line for each kind and one for all; the exit code is 1 if anything is not as it should be."""
    print(
        f"{'kind':<10}{'checks':>8}{'wrong':>8}{'caught':>8}{'exact':>8}{'right':>8}{'passed':>8}{'seconds':>9}"
    )
    total = [0] * 6
    for kind in KINDS:
        began = time.perf_counter()
        found = [(name, failed(kind, component)) for name, component in WRONG[kind]]
        numbers = [
            len(checks(kind)),
            len(found),
            sum(name in names for name, names in found),
            sum(names == {name} for name, names in found),
            len(RIGHT[kind]),
            sum(not failed(kind, component) for component in RIGHT[kind]),
        ]
        total = [one + other for one, other in zip(total, numbers, strict=True)]
        print(
            f"{kind:<10}" + "".join(f"{one:>8}" for one in numbers) + f"{time.perf_counter() - began:>9.1f}"
        )
    print(f"{'all':<10}" + "".join(f"{one:>8}" for one in total))
    return 0 if total[1] == total[2] == total[3] and total[4] == total[5] else 1


if __name__ == "__main__":
    sys.exit(main())
