"""How long graphs take to build beside anemoi-graphs, how much memory, and whether they have the same edges.

    python benchmarks/graphs.py [--cases O32:4 O48:5 ...] [--areas] [--rounds 3] [--threads 1] [--output runs/graphs]

Both build the same recipe, anemoi-graphs its own ``multi_scale`` and ours what ``anemoi graph convert`` makes of it,
in processes of their own that take turns in every round: nodes, edges, and the lengths and directions of edges; with
``--areas`` the cell areas of the data as well. Time is that of building alone, without imports, by the clock and of the processor
(all threads), which counts where others use the machine; memory is the
peak of the process, and beside it what of that the imports take. Edges are compared as sets, hidden nodes
by where they lie. The peer's environment is made at the first run, in ``benchmarks/peer/.venv-graphs``. Prints a
table, and writes all numbers to ``graphs.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

HERE = Path(__file__).parent
ENVIRONMENT = HERE / "peer" / ".venv-graphs"
TORCH = "torch==2.13.0"
CASES = ("O32:4", "O32:5", "O48:4", "O48:5", "O96:4", "O96:5", "N320:6")
SAME = 1e-6  # of the radius of the Earth: 6 m, what float32 tells apart
MANY = 10_000_000  # more than any set has nodes

Keys = NDArray[np.int64]


def recipe(refinement: int, data: dict[str, Any], areas: bool) -> dict[str, Any]:
    """The recipe ``multi_scale`` of anemoi-graphs."""
    known = {
        "edge_length": {"_target_": "anemoi.graphs.edges.attributes.EdgeLength", "norm": "unit-std"},
        "edge_dirs": {"_target_": "anemoi.graphs.edges.attributes.EdgeDirection", "norm": "unit-std"},
    }
    weights = {"_target_": "anemoi.graphs.nodes.attributes.SphericalAreaWeights", "norm": "unit-max"}

    def edges(source: str, target: str, builder: str, **options: Any) -> dict[str, Any]:
        by = [{"_target_": f"anemoi.graphs.edges.{builder}", **options}]
        return {"source_name": source, "target_name": target, "edge_builders": by, "attributes": known}

    return {
        "overwrite": True,
        "nodes": {
            "data": {"node_builder": data, **({"attributes": {"area_weight": weights}} if areas else {})},
            "hidden": {
                "node_builder": {"_target_": "anemoi.graphs.nodes.TriNodes", "resolution": refinement}
            },
        },
        "edges": [
            edges("data", "hidden", "CutOffEdges", cutoff_factor=0.6),
            edges("hidden", "hidden", "MultiScaleEdges", x_hops=1, scale_resolutions=refinement),
            edges("hidden", "data", "KNNEdges", num_nearest_neighbours=3),
        ],
        "post_processors": [],
    }


def ours(folder: Path, result: Path) -> None:
    """Build our graph in this process, and print what it took."""
    from anemoi.core import config
    from anemoi.core.grid import Grid
    from anemoi_plugin_graphs.conversion.recipe import translate

    builder = config.build("graph", translate(folder / "ours.yaml").recipe)
    with np.load(folder / "grid.npz") as stored:
        grid = Grid(stored["latitudes"], stored["longitudes"])
    before = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, busy = time.perf_counter(), time.process_time()
    graph = builder.build({"data": grid})
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        f"nodes/{name}": np.stack([each.latitudes, each.longitudes], axis=-1)
        for name, each in graph.nodes.items()
    }
    for (source, target), edges in graph.edges.items():
        found[f"edges/{source}/{target}"] = np.stack([edges.source, edges.target])
    np.savez(result, **found)
    print(json.dumps({"seconds": seconds, "processor": busy, "bytes": peak, "before": before}))


def build(side: str, folder: Path, threads: int) -> dict[str, float]:
    """Build once, in a process of its own."""
    result = folder / f"{side}.npz"
    if side == "ours":
        command = [sys.executable, __file__, "--build", str(folder), str(result)]
    else:
        python = str(ENVIRONMENT / "bin" / "python")
        command = [python, str(HERE / "peer" / "build_graph.py"), str(folder / "theirs.yaml"), str(result)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side}:\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compared(folder: Path) -> dict[str, dict[str, int]]:
    """How many edges both have, and each alone; of those, how many are not ties, one taken for another as near."""
    from scipy.spatial import cKDTree

    sides = {}
    for side in ("ours", "theirs"):
        with np.load(folder / f"{side}.npz") as stored:
            sides[side] = dict(stored)
    places = {key: _positions(value) for key, value in sides["ours"].items() if key.startswith("nodes/")}
    numbers = {}
    for key, positions in places.items():
        distance, numbers[key] = cKDTree(positions).query(_positions(sides["theirs"][key]))
        if float(np.max(distance)) > SAME or len(np.unique(numbers[key])) != len(positions):
            sys.exit(f"{key}: nodes lie elsewhere, by {np.max(distance):.2g}.")
    found = {}
    for key in sorted(name for name in sides["ours"] if name.startswith("edges/")):
        _, source, target = key.split("/")
        own = _keys(sides["ours"][key])
        other = sides["theirs"][key]
        other = _keys(np.stack([numbers[f"nodes/{source}"][other[0]], numbers[f"nodes/{target}"][other[1]]]))
        alone = [np.setdiff1d(own, other), np.setdiff1d(other, own)]
        ends = places[f"nodes/{source}"], places[f"nodes/{target}"]
        found[f"{source} -> {target}"] = {
            "in both": len(own) - len(alone[0]),
            "in ours alone": len(alone[0]),
            "in theirs alone": len(alone[1]),
            "of these no ties": _unlike(*alone, ends),
        }
    return found


def _unlike(one: Keys, other: Keys, ends: tuple[NDArray[np.float64], NDArray[np.float64]]) -> int:
    """How many edges of either have no counterpart of the same length at the same target."""
    tables = []
    for keys in (one, other):
        target, source = np.divmod(keys, MANY)
        length = np.linalg.norm(ends[0][source] - ends[1][target], axis=-1)
        order = np.lexsort((length, target))
        tables.append((target[order], length[order]))
    (targets, lengths), (other_targets, other_lengths) = tables
    if not np.array_equal(targets, other_targets):
        return len(one) + len(other)
    return int((np.abs(lengths - other_lengths) > SAME).sum())


def _positions(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors of latitudes and longitudes, ``(nodes, 2)``."""
    latitudes, longitudes = np.deg2rad(places).T
    return np.stack(
        [np.cos(latitudes) * np.cos(longitudes), np.cos(latitudes) * np.sin(longitudes), np.sin(latitudes)],
        axis=-1,
    )


def _keys(edges: NDArray[np.int64]) -> Keys:
    return np.unique(edges[1].astype(np.int64) * MANY + edges[0])


def environment() -> None:
    """Make the peer's environment, if there is none."""
    if (ENVIRONMENT / "made").exists():
        return
    print(f"Making {ENVIRONMENT} ...", flush=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [*pip, TORCH],
        [*pip, TORCH, "-r", str(HERE / "peer" / "graphs.txt")],
        [*pip, "--no-deps", "-r", str(HERE / "peer" / "graphs-alone.txt")],
    ):
        subprocess.run(command, check=True)
    (ENVIRONMENT / "made").touch()


def prepare(case: str, areas: bool, folder: Path) -> str:
    """Write the grid and both recipes, and say what the case is."""
    from anemoi_plugin_graphs.nodes.reduced_gaussian import ReducedGaussianNodes

    name, _, refinement = case.partition(":")
    grid = ReducedGaussianNodes(grid=name).build({})
    np.savez(folder / "grid.npz", latitudes=grid.latitudes, longitudes=grid.longitudes)
    read = {"_target_": "anemoi.graphs.nodes.NPZFileNodes", "npz_file": str(folder / "grid.npz")}
    data = {"theirs": read, "ours": {"_target_": "anemoi.graphs.nodes.AnemoiDatasetNodes", "dataset": None}}
    for side, nodes in data.items():
        text = yaml.safe_dump(recipe(int(refinement), nodes, areas))
        (folder / f"{side}.yaml").write_text(text)
    return f"{name} ({len(grid):,} points), refinement {refinement}{', with areas' if areas else ''}"


def main() -> None:
    """Let both build each case in turns, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cases", nargs="+", default=CASES)
    parser.add_argument("--areas", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/graphs"))
    chosen = parser.parse_args()
    if chosen.build:
        ours(*chosen.build)
        return
    environment()
    chosen.output.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for case in chosen.cases:
        with tempfile.TemporaryDirectory(prefix="anemoi-benchmark-") as name:
            folder = Path(name)
            title = prepare(case, chosen.areas, folder)
            rounds: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
            for _ in range(chosen.rounds):
                for side, found in rounds.items():
                    found.append(build(side, folder, chosen.threads))
            edges = compared(folder)
        results[title] = {**rounds, "edges": edges}
        print(f"\n{title}")
        for what, unit, scale in (("seconds", "s", 1.0), ("processor", "s", 1.0), ("bytes", "MB", 1e-6)):
            medians = {
                side: statistics.median(each[what] for each in found) for side, found in rounds.items()
            }
            ratio = medians["theirs"] / medians["ours"]
            words = "  ".join(f"{side} {value * scale:9.2f} {unit}" for side, value in medians.items())
            print(f"  {what:9} {words}  theirs / ours {ratio:5.2f}")
        for label, counts in edges.items():
            print(
                f"  {label:17} {', '.join(f'{count:,} {side}' for side, count in counts.items())}", flush=True
            )
        (chosen.output / "graphs.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
