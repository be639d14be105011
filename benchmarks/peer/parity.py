"""Whether our layers are the mathematics of the peer's: outputs and gradients, with the same weights.

Prints for each case the largest relative difference of any output or gradient, in float64 and in float32,
and fails if one is above its bound. With ``--record`` it writes what the peer gave, in float64, to the
tests of our plugins, which then need no peer.

    make parity
    benchmarks/peer/.venv/bin/python benchmarks/peer/parity.py [FAMILY]... [--record]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from anemoi_plugin_testing.recording import Recording, errors, numbers, results, weights
from cases import Parity, families, family
from torch import Tensor, nn
from torch.func import functional_call

PLUGINS = Path(__file__).parents[2] / "plugins"
BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-5}


def peer_results(case: Parity, dtype: torch.dtype) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The inputs, and what the peer makes of them."""
    theirs: nn.Module = case.theirs(**case.arguments).to(dtype)
    ours = case.ours(**case.arguments).to(dtype)
    names = {name for name, _ in theirs.named_parameters()}

    def forward(values: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Tensor:
        mapped = case.weights(values)
        if mapped.keys() != names:
            raise SystemExit(f"{case.name}: weights do not match: {sorted(mapped.keys() ^ names)}")
        return functional_call(theirs, mapped, (), dict(inputs))

    inputs = {name: numbers(name, shape).to(dtype) for name, shape in case.inputs.items()}
    return inputs, results(forward, weights(ours), inputs)


def differences(case: Parity, dtype: torch.dtype) -> dict[str, float]:
    """By how much each of our results is off the peer's, both in this type."""
    inputs, theirs = peer_results(case, dtype)
    ours = case.ours(**case.arguments).to(dtype)
    found = results(lambda values, given: functional_call(ours, values, (), given), weights(ours), inputs)
    return errors(found, theirs)


def main() -> int:
    """Compare all, and print a table; the exit code is 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("families", nargs="*", help="all if none is named")
    parser.add_argument("--record", action="store_true", help="write the recordings of the tests")
    arguments = parser.parse_args()
    broken = 0
    print(f"{'largest relative difference':<44}{'float64':>12}{'float32':>12}")
    for name in arguments.families or families():
        module = family(name)
        folder = PLUGINS / module.DISTRIBUTION / "tests" / "data"
        for case in module.PARITY:
            worst = {}
            for dtype, bound in BOUNDS.items():
                off = differences(case, dtype)
                result = max(off, key=lambda each: off[each])
                worst[dtype] = off[result]
                if not off[result] <= bound:
                    broken += 1
                    print(f"{case.name}: {result} is off by {off[result]:.2g} in {dtype}", file=sys.stderr)
            label = f"{name} {case.name}"
            print(f"{label:<44}{worst[torch.float64]:>12.1e}{worst[torch.float32]:>12.1e}")
            if arguments.record:
                folder.mkdir(exist_ok=True)
                inputs, theirs = peer_results(case, torch.float64)
                Recording(case.arguments, inputs, theirs).save(folder / f"{case.name}.npz")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
