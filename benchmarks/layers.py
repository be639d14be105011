"""How fast our layers are, and how much memory they take, beside the peer's.

Both run in one process, on one graph, with inputs of one distribution, taking turns, as they are and
compiled. Forward passes are those of a forecast, in evaluation mode and with nothing kept for a gradient;
nothing is checkpointed. The peer counts with its better setting in each column. Memory is the peak of a
forward and backward pass over what the process held before, measured in a process for each. The floor is
the time of the arithmetic at the measured rate of a large matrix product, or of the bytes at the measured
rate of a copy, whichever is larger.

    make layers
    benchmarks/peer/.venv/bin/python benchmarks/layers.py [FAMILY]... [--refinements 4 5]
        [--channels 128 256] [--settings eager compiled] [--rounds 7] [--threads 2] [--output runs/layers]

Writes ``layers.json`` and ``layers.png`` to the output, and prints a table.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "peer"))

import numpy as np
import torch
from anemoi.core.graph import Graph
from anemoi.core.grid import Grid
from anemoi_plugin_graphs.icosahedral import IcosahedralGraph
from cases import Contest, families, family
from torch import Tensor, nn

SIDES = ("ours", "peer")
PASSES = ("forward", "backward")
LABELS = ("forward", "forward + backward", "peak memory")
MEGABYTE = 1e6


def octahedral_grid(rows: int = 48) -> Grid:
    """An octahedral reduced Gaussian grid with this many rows between a pole and the equator."""
    sines, _ = np.polynomial.legendre.leggauss(2 * rows)
    latitudes = np.rad2deg(np.arcsin(sines[::-1]))
    counts = [20 + 4 * min(row, 2 * rows - 1 - row) for row in range(2 * rows)]
    longitudes = [np.arange(count) * 360.0 / count for count in counts]
    return Grid(np.repeat(latitudes, counts), np.concatenate(longitudes))


def arguments_of(contest: Contest, graph: Graph, channels: int) -> dict[str, Any]:
    """What the constructors of both sides are given."""
    source, target = contest.ends
    edges = graph.edges[contest.ends]
    given = {"edges": edges, "channels": channels, **contest.options}
    if source == target:
        return {"nodes": graph.nodes[source], **given}
    ends = {"source": graph.nodes[source], "target": graph.nodes[target]}
    sizes = dict.fromkeys(("source_channels", "target_channels", "out_channels"), channels)
    return {**ends, **given, **sizes, **contest.features}


def inputs_of(arguments: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """Something for a forward pass of one item, whose gradient is asked for too."""
    if "nodes" in arguments:
        shapes = [(len(arguments["nodes"]), arguments["channels"])]
    else:
        shapes = [(len(arguments[end]), arguments[f"{end}_channels"]) for end in ("source", "target")]
    return tuple(torch.randn(1, *shape, requires_grad=True) for shape in shapes)


def run(layer: nn.Module, inputs: tuple[Tensor, ...], which: str) -> float:
    """The seconds of a forward pass, or of one and the way back."""
    layer.zero_grad(set_to_none=True)
    for given in inputs:
        given.grad = None
    began = time.perf_counter()
    if which == "forward":
        with torch.no_grad():
            layer(*inputs)
    else:
        layer(*inputs).sum().backward()
    return time.perf_counter() - began


def build(contest: Contest, arguments: Mapping[str, Any], side: str, setting: str) -> nn.Module:
    """A layer with weights of its own."""
    torch.manual_seed(0)
    layer = (contest.ours if side == "ours" else contest.theirs)(**arguments)
    if setting == "compiled":
        torch._dynamo.reset()
        layer.compile()
    return layer


def times(
    contest: Contest, arguments: Mapping[str, Any], rounds: int, settings: list[str]
) -> dict[str, dict[str, list[float]]]:
    """The seconds of each round, by pass and by side and setting; all take turns in each round."""
    inputs = inputs_of(arguments)
    layers = {f"{a} {b}": build(contest, arguments, a, b) for a in SIDES for b in settings}
    found: dict[str, dict[str, list[float]]] = {which: {name: [] for name in layers} for which in PASSES}
    for which in PASSES:
        for layer in layers.values():
            layer.train(which == "backward")
        for number in range(rounds + 1):  # one to warm up and to compile
            for name, layer in layers.items():
                seconds = run(layer, inputs, which)
                if number:
                    found[which][name].append(seconds)
    return found


def peak(contest: Contest, arguments: Mapping[str, Any], side: str, setting: str) -> float:
    """Megabytes at the peak of a forward and backward pass, over what the process held before."""
    inputs = inputs_of(arguments)
    layer = build(contest, arguments, side, setting)
    if setting == "compiled":  # the compiler's own memory is no part of it
        run(layer, inputs, "backward")
        layer.zero_grad(set_to_none=True)
    ctypes.CDLL(None).malloc_trim(0)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    run(layer, inputs, "backward")
    return _memory("VmHWM") - before


def _memory(what: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return float(line.split()[1]) * 1024 / MEGABYTE


def rates() -> tuple[float, float]:
    """Operations per second of a large matrix product, and bytes per second of a large copy."""
    a, b = torch.randn(2, 2048, 2048)
    product = min(_seconds(lambda: a @ b) for _ in range(10))
    source = torch.ones(64 * 2**20)
    target = torch.empty_like(source)
    copied = min(_seconds(lambda: target.copy_(source)) for _ in range(10))
    return 2 * 2048**3 / product, 2 * source.numel() * 4 / copied


def _seconds(do: Callable[[], Any]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def best(by_name: Mapping[str, list[float]], side: str) -> str:
    """Which setting of a side has the lower median."""
    names = [name for name in by_name if name.startswith(side)]
    return min(names, key=lambda name: statistics.median(by_name[name]))


def least(by_name: Mapping[str, float], side: str) -> float:
    """The lower value of a side's settings."""
    return min(value for name, value in by_name.items() if name.startswith(side))


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """One line for each pass, and one for memory."""
    for index, which in enumerate(PASSES):
        seconds, target = found["seconds"][which], found["targets"][index]
        ours, peer = seconds[best(seconds, "ours")], seconds[best(seconds, "peer")]
        ratio = statistics.median(p / o for o, p in zip(ours, peer, strict=True))
        medians = "".join(f"{name} {statistics.median(each):.3f} s, " for name, each in seconds.items())
        floor = found["floor"][which]
        yield (
            f"  {LABELS[index]:<19} {ratio:5.2f} times as fast, target {target}: "
            f"{'met' if ratio >= target else 'MISSED'} ({medians}floor {floor:.3f} s, of which ours takes "
            f"{statistics.median(ours) / floor:.1f} times, the peer {statistics.median(peer) / floor:.1f})"
        )
    memory, target = found["megabytes"], found["targets"][2]
    ratio = least(memory, "ours") / least(memory, "peer")
    values = ", ".join(f"{name} {each:.0f} MB" for name, each in memory.items())
    yield (
        f"  {LABELS[2]:<19} {ratio:5.2f} times as much, target {target}: "
        f"{'met' if ratio <= target else 'MISSED'} ({values})"
    )


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Times as bars, with the floor."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(15, 1.5 + 0.6 * len(results)), sharey=True)
    labels = [f"{one['name']}\n{one['nodes']:,} nodes, {one['channels']} channels" for one in results]
    place = np.arange(len(results))
    for axis, which in zip(axes, (*PASSES, "memory"), strict=True):
        for offset, side, colour in ((-0.2, "ours", "tab:blue"), (0.2, "peer", "tab:gray")):
            if which == "memory":
                values = [least(one["megabytes"], side) for one in results]
            else:
                values = [
                    statistics.median(one["seconds"][which][best(one["seconds"][which], side)])
                    for one in results
                ]
            axis.barh(place + offset, values, 0.38, label=side, color=colour)
        if which != "memory":
            floors = [one["floor"][which] for one in results]
            axis.plot(floors, place, "k|", markersize=14, label="floor")
        axis.set_xscale("log")
        axis.grid(axis="x", alpha=0.3)
    for axis, label, unit in zip(axes, LABELS, ("s", "s", "MB"), strict=True):
        axis.set_title(f"{label}, {unit}")
    axes[0].set_yticks(place, labels)
    axes[0].invert_yaxis()
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def alone(name: str, index: int, refinement: int, channels: int, threads: int, what: list[str]) -> Any:
    """Measure one thing in this process."""
    torch.set_num_threads(threads)
    contest = family(name).CONTESTS[index]
    graph = IcosahedralGraph(refinement=refinement).build(octahedral_grid())
    arguments = arguments_of(contest, graph, channels)
    if what[0] == "peak":
        return peak(contest, arguments, *what[1:])
    operations, bytes_ = contest.work(arguments)
    by_operations, by_bytes = rates()
    forward = max(operations / by_operations, bytes_ / by_bytes)
    # The way back has two products for each one forwards, and reads and writes twice as much.
    return {
        "nodes": len(graph.nodes[contest.ends[1]]),
        "operations_per_second": by_operations,
        "bytes_per_second": by_bytes,
        "floor": {"forward": forward, "backward": 3 * forward},
        "seconds": times(contest, arguments, int(what[1]), what[2:]),
    }


def measured(*what: object) -> Any:
    """Measure one thing in a process of its own."""
    environment = dict(os.environ)
    if "peak" in what:
        # Large tensors go back to the system when they are freed, so that the peak is what is held.
        environment |= {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576"}
    command = [sys.executable, "-W", "ignore", __file__, "--alone", *map(str, what)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, print, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("families", nargs="*", help="all if none is named")
    parser.add_argument("--refinements", type=int, nargs="+", default=[4, 5])
    parser.add_argument("--channels", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--settings", nargs="+", choices=["eager", "compiled"], default=["eager", "compiled"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("runs/layers"))
    parser.add_argument("--alone", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        name, *numbers = options.alone[:5]
        print(json.dumps(alone(name, *map(int, numbers), options.alone[5:])))
        return
    print(f"torch {torch.__version__}, {options.threads} threads; medians of {options.rounds} rounds")
    results = []
    cases = [
        (name, index, contest, refinement, channels)
        for name in options.families or families()
        for index, contest in enumerate(family(name).CONTESTS)
        for refinement in options.refinements
        for channels in options.channels
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    for name, index, contest, refinement, channels in cases:
        case = (name, index, refinement, channels, options.threads)
        found = measured(*case, "times", options.rounds, *options.settings)
        found |= {"name": contest.name, "channels": channels, "targets": contest.targets}
        found["megabytes"] = {
            f"{side} {setting}": measured(*case, "peak", side, setting)
            for side in SIDES
            for setting in options.settings
        }
        results.append(found)
        print(f"{contest.name}, {found['nodes']:,} nodes, {channels} channels")
        print("\n".join(table(found)), flush=True)
        (options.output / "layers.json").write_text(json.dumps(results, indent=1))
    plot(results, options.output / "layers.png")


if __name__ == "__main__":
    main()
