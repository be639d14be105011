"""How much memory a forecast takes with the number of its members.

    python benchmarks/members.py [OVERRIDES]... [--members 1 10 50] [--variables 60] [--steps 3]

The data are noise on the 10,512 points of the sample data, the model is a small one behind one step of training, and
members begin with Gaussian noise. OVERRIDES change the configuration that ``anemoi train`` begins with. Each number of
members is forecast in a process of its own, on one thread: once with every member written to a Zarr data set, once with
their mean, spread and two quantiles alone. Prints the peak memory of the forecast above that of the process
with the model built, and the size of one state of all members.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from typing import Any

STATISTICS = {"name": "ensemble", "spread": True, "quantiles": [0.1, 0.9]}
POINTS = 10512


def measure(path: str, members: int, steps: int, *, statistics: bool) -> float:
    """Make the forecast; give the MB that it takes at most."""
    import torch
    from anemoi.core import config, load_checkpoint
    from anemoi.core.checkpoint import build_model
    from anemoi.core.forecasting import Destination, prepare

    torch.set_num_threads(1)
    checkpoint = load_checkpoint(path)
    source = config.build("source", checkpoint.configuration["data"])
    chain: list[Any] = [STATISTICS] if statistics else []
    with tempfile.TemporaryDirectory() as directory:
        batch = prepare(
            checkpoint,
            source,
            [source.times[1]],
            [Destination.of(f"{directory}/forecast.zarr", postprocess=chain)],
            checkpoint.domain.frequency * steps,
            model=build_model(checkpoint),
            members=members,
            perturbation={"name": "gaussian"} if members > 1 else None,
        )
        before = _peak()
        list(batch.run())
        return _peak() - before


def _peak() -> float:
    """The most that the process held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def trained(overrides: list[str], variables: int, directory: str) -> str:
    """A checkpoint of a small model, behind one step of training."""
    from anemoi_plugin_training import train

    names = ",".join(f"v{number}" for number in range(variables))
    data = ["data=synthetic", "data.grid=2.5deg", "data.times=20", f"data.variables=[{names}]"]
    small = ["training.steps=1", "training.rollout_steps=0", "graph.refinement=2", "model.channels=16"]
    return str(train(*data, *small, *overrides, output=f"{directory}/run"))


def main() -> None:
    """Train for a step, forecast with each number of members, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the configuration, as for anemoi train")
    parser.add_argument("--members", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--variables", type=int, default=60)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        path, members, statistics = chosen.measure
        print(json.dumps(measure(path, int(members), chosen.steps, statistics=statistics == "statistics")))
        return
    with tempfile.TemporaryDirectory() as directory:
        path = trained(chosen.overrides, chosen.variables, directory)
        print(f"{'members':>8}{'one state, MB':>16}{'all written, MB':>18}{'statistics, MB':>17}")
        for members in chosen.members:
            kinds = ("all", "statistics") if members > 1 else ("all",)
            found = [_alone(path, members, chosen.steps, each) for each in kinds]
            state = members * POINTS * chosen.variables * 4 / 2**20
            print(
                f"{members:8}{state:16.1f}{found[0]:18.0f}" + "".join(f"{each:17.0f}" for each in found[1:])
            )


def _alone(path: str, members: int, steps: int, kind: str) -> float:
    """One measurement in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--measure", path, str(members), kind]
    done = subprocess.run(
        [*command, "--steps", str(steps)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
