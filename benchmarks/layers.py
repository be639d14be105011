"""How fast our layers are, and how much memory they take, beside the peer's.

Each case runs in a process of its own: both sides on one graph, with inputs of one distribution, taking
turns, as they are and compiled. Forward passes are those of a forecast, in evaluation mode and with nothing
kept for a gradient; nothing is checkpointed. Each side counts with its better setting in each column. Memory
is the peak of a forward and backward pass over what the process held before, and has a process of its own for
each side and setting: what others have freed and the process has kept would hide a part of it, or add to it.
The floor is the time of the arithmetic at the measured rate of a large matrix product, or of the bytes at the
measured rate of a copy, whichever is larger. With ``--keep`` both sides keep the memory that they free, as
the commands ``anemoi forecast`` and ``anemoi train`` do; without, the C library gives it back to the system
as it does for any program.

    make layers
    benchmarks/peer/.venv/bin/python benchmarks/layers.py [FAMILY]... [--cases encoder decoder]
        [--refinements 4 5] [--channels 128 256] [--settings eager compiled] [--rounds 7] [--seconds 10]
        [--threads 2] [--grid 48] [--keep] [--output runs/layers] [--resume]

Prints a table, and writes it as ``layers.txt`` to the output, with ``layers.json`` and ``layers.png``: after
each case, so that a run that is interrupted keeps what it has, and goes on from there with ``--resume``.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "peer"))

import numpy as np
import torch
from anemoi.core.allocation import keep_freed_memory
from anemoi.core.graph import Graph
from anemoi.core.grid import Grid
from anemoi_plugin_graphs.icosahedral import IcosahedralGraph
from cases import Contest, families, family
from layers_report import PASSES, plot, table
from torch import Tensor, nn

SIDES = ("ours", "peer")
SETTINGS = ("eager", "compiled")
MEGABYTE = 1e6


def octahedral_grid(rows: int) -> Grid:
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


def build(contest: Contest, arguments: Mapping[str, Any], side: str, setting: str) -> nn.Module:
    """A layer with weights of its own."""
    torch.manual_seed(0)
    layer = (contest.ours if side == "ours" else contest.theirs)(**arguments)
    if setting == "compiled":
        torch._dynamo.reset()
        layer.compile()
    return layer


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


def times(
    layers: Mapping[str, nn.Module], inputs: tuple[Tensor, ...], rounds: int, limit: float
) -> dict[str, dict[str, list[float]]]:
    """The seconds of each round, by pass and by side and setting; all take turns in each round.

    After two rounds of a pass none begins once they have taken ``limit`` seconds.
    """
    found: dict[str, dict[str, list[float]]] = {which: {name: [] for name in layers} for which in PASSES}
    for which in PASSES:
        for layer in layers.values():
            layer.train(which == "backward")
            run(layer, inputs, which)  # to warm up and to compile
        began = time.perf_counter()
        for number in range(rounds):
            if number >= 2 and time.perf_counter() - began > limit:
                break
            for name, layer in layers.items():
                found[which][name].append(run(layer, inputs, which))
    return found


def peak(case: Mapping[str, Any], name: str, options: argparse.Namespace) -> float:
    """Megabytes at the peak of a forward and backward pass, over what this process held before.

    Large tensors go back to the system as soon as they are freed, so that the peak is what is held.
    """
    libc = ctypes.CDLL(None)
    for parameter in (-1, -3):  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
        libc.mallopt(parameter, 2**20)
    contest, _, arguments = setting_of(case, options)
    inputs, layer = inputs_of(arguments), build(contest, arguments, *name.split())
    run(layer, inputs, "backward")  # to warm up and to compile
    layer.zero_grad(set_to_none=True)
    gc.collect()
    libc.malloc_trim(0)
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
    product = min(_seconds(lambda: a @ b) for _ in range(5))
    source = torch.ones(32 * 2**20)
    target = torch.empty_like(source)
    copied = min(_seconds(lambda: target.copy_(source)) for _ in range(5))
    return 2 * 2048**3 / product, 2 * source.numel() * 4 / copied


def _seconds(do: Callable[[], Any]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def setting_of(case: Mapping[str, Any], options: argparse.Namespace) -> tuple[Contest, Graph, dict[str, Any]]:
    """The contest of a case, its graph, and what constructors are given."""
    contest: Contest = family(case["family"]).CONTESTS[case["contest"]]
    graph = IcosahedralGraph(refinement=case["refinement"]).build({"data": octahedral_grid(options.grid)})
    return contest, graph, arguments_of(contest, graph, case["channels"])


def measure(case: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Measure the times of one case in this process."""
    if options.keep:
        keep_freed_memory()
    contest, graph, arguments = setting_of(case, options)
    operations, bytes_ = contest.work(arguments)
    by_operations, by_bytes = rates()
    forward = max(operations / by_operations, bytes_ / by_bytes)
    inputs = inputs_of(arguments)
    layers = {
        f"{side} {setting}": build(contest, arguments, side, setting)
        for side in SIDES
        for setting in options.settings
    }
    return {
        **case,
        "name": contest.name,
        "targets": contest.targets,
        "nodes": len(graph.nodes[contest.ends[1]]),
        "threads": options.threads,
        "operations_per_second": by_operations,
        "bytes_per_second": by_bytes,
        # The way back has two products for each one forwards, and reads and writes twice as much.
        "floor": {"forward": forward, "backward": 3 * forward},
        "seconds": times(layers, inputs, options.rounds, options.seconds),
    }


def measured_alone(case: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any] | None:
    """Measure one case in processes of its own; None, and a word about it, if that fails."""
    names = [f"{side} {setting}" for side in SIDES for setting in options.settings]
    try:
        found: dict[str, Any] = _in_process(case)
        found["megabytes"] = {name: _in_process(case, name) for name in names}
    except subprocess.CalledProcessError as error:
        print(f"{case} FAILED:\n{error.stderr[-2000:]}", file=sys.stderr, flush=True)
        return None
    return found


def _in_process(case: Mapping[str, Any], memory_of: str | None = None) -> Any:
    """Measure the times of a case, or the memory of one side in one setting."""
    alone = json.dumps([case, memory_of])
    command = [sys.executable, "-W", "ignore", __file__, *sys.argv[1:], "--alone", alone]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def options_of() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("families", nargs="*", help="all if none is named")
    parser.add_argument("--cases", nargs="+", default=[""], help="words, of which a case's name has one")
    parser.add_argument("--refinements", type=int, nargs="+", default=[4, 5])
    parser.add_argument("--channels", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=SETTINGS)
    parser.add_argument("--rounds", type=int, default=7, help="at most, of each pass of a case")
    parser.add_argument("--seconds", type=float, default=10, help="after which no third round begins")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--grid", type=int, default=48, help="rows from pole to equator")
    parser.add_argument("--keep", action="store_true", help="the memory that is freed, on both sides")
    parser.add_argument("--output", type=Path, default=Path("runs/layers"))
    parser.add_argument("--resume", action="store_true", help="leave out what the output holds already")
    parser.add_argument("--alone", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Measure, print, write and draw; the exit code is 1 if a case failed."""
    options = options_of()
    if options.alone:
        torch.set_num_threads(options.threads)
        case, memory_of = options.alone
        print(json.dumps(peak(case, memory_of, options) if memory_of else measure(case, options)))
        return 0
    print(f"torch {torch.__version__}, {options.threads} threads; medians of up to {options.rounds} rounds")
    options.output.mkdir(parents=True, exist_ok=True)
    written = options.output / "layers.json"
    results = json.loads(written.read_text()) if options.resume and written.exists() else []
    cases = [
        {"family": name, "contest": index, "refinement": refinement, "channels": channels}
        for name in options.families or families()
        for index, contest in enumerate(family(name).CONTESTS)
        if any(word in contest.name for word in options.cases)
        for refinement in options.refinements
        for channels in options.channels
    ]
    failed = 0
    for case in cases:
        if any(case.items() <= one.items() for one in results):
            continue
        found = measured_alone(case, options)
        if found is None:
            failed += 1
            continue
        results.append(found)
        print("\n".join(table(found)), flush=True)
        written.write_text(json.dumps(results, indent=1))
        lines = (line for one in results for line in table(one))
        (options.output / "layers.txt").write_text("\n".join(lines) + "\n")
        plot(results, options.output / "layers.png")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
