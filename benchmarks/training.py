"""How long a step of a training takes beside anemoi-training, from data on disk to weights, and how much memory.

    python benchmarks/training.py [--models transformer graphtransformer gnn] [--objectives rollout] [--members 2]
        [--refinements 4 5] [--grids 32 48] [--variables 4 80] [--settings eager compiled] [--sides ours theirs] [--steps 8] [--rounds 3] [--threads 2] [--no-parts]
        [--output runs/training]

Both train by their own commands, in processes of their own that take turns in every round: the same data set, graph
and architecture (128 channels, 4 layers, heads of 16 channels, windows of 512 nodes, no features that are trained),
AdamW, one sample a step, float32, nothing computed again for the gradient, no validation and no plots. The
first two steps are not counted. A side counts with its better setting. ``first step`` is from the command to the
end of its first step; ``processor`` is what a step takes of the processor, whatever else the machine does; memory is
the peak of the process. ``--objectives ensemble diffusion`` train as the peer's
``ensemble_crps`` and ``transport_edm_diffusion`` do: members that are conditioned on noise at each hidden node, by the almost fair
CRPS, and EDM on states. The peer has no gnn for these. The peer's environment is made at the first run, in
``benchmarks/peer/.venv-training``. In its better setting, ours trains once more with a stopwatch for the parts of
a step, and once for what no step can be below: its matrix products by themselves, the import of torch, and all that is
done before the first step. Prints a table, and writes all numbers to ``training.json`` after each case.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import training_floor
import yaml
from forecast import MODEL, TRANSFORMER
from layers import octahedral_grid
from training_parts import medians, table

HERE = Path(__file__).parent
ENVIRONMENT = HERE / "peer" / ".venv-training"
TORCH = "torch==2.13.0"
UNCOUNTED = 2
CHANNELS, LAYERS, HEADS = 128, 4, 8
DAYS = 10
BEGIN = np.datetime64("2000-01-01T00", "s")

OURS = {
    "transformer": [*MODEL, *TRANSFORMER],
    "graphtransformer": [*MODEL, "model.processor.num_layers=4", "model.processor.num_heads=8"],
    "gnn": ["model=gnn", "model.processor.num_layers=4"],
}
HEADED = [f"model.{end}.num_heads={HEADS}" for end in ("encoder", "decoder")]
COMPILED = {
    "transformer": ["anemoi.models.layers.conv.GraphTransformerConv"],
    "graphtransformer": ["anemoi.models.layers.conv.GraphTransformerConv"],
    "gnn": ["anemoi.models.layers.conv.GraphConv"],
}
CONDITIONAL = "anemoi.models.layers.normalization.ConditionalLayerNorm"


@dataclass(frozen=True)
class Objective:
    """How both train.

    Parameters
    ----------
    words
        Of our command.
    model, training, diagnostics
        Of the peer's configuration: what follows the name of the model, and two groups.
    """

    words: tuple[str, ...]
    model: str
    training: str
    diagnostics: str


OBJECTIVES = {
    "rollout": Objective((), "", "single", "evaluation"),
    "ensemble": Objective(
        (
            "objective=ensemble", "objective.noise=nodes", "objective.noise_channels=4",
            "loss=crps", "scalers.tendency.name=tendency-stdev",
        ),
        "_ens", "ensemble", "evaluation_ens",
    ),
    "diffusion": Objective(
        ("objective=diffusion", "objective.target=state"), "_transport_edm", "edm_diffusion", "evaluation"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What both train."""

    model: str
    refinement: int
    grid: int
    variables: int
    objective: str = "rollout"
    members: int = 1

    def __str__(self) -> str:
        how = f"{self.objective} of {self.members}" if self.members > 1 else self.objective
        return f"{self.model}, {how}, refinement {self.refinement}, O{self.grid}, {self.variables} variables"


@dataclass(frozen=True)
class Result:
    """What came of one training."""

    step: float
    processor: float
    first: float
    memory: float
    parameters: int


def data_set(path: Path, case: Case) -> None:
    """Waves and noise in the layout of anemoi-datasets, as the benchmark of reading has them."""
    from data import make

    make(path, octahedral_grid(case.grid), case.variables, dates=4 * DAYS)


def ours(
    case: Case, setting: str, data: Path, folder: Path, steps: int
) -> tuple[list[str], Path, dict[str, str]]:
    """The command of ours, and the file that gets a line for each step."""
    words = [
        "data=zarr", f"data.path={data}", "forcings=[]", "dates.end=null", f"graph.refinement={case.refinement}",
        "graph.encoder_cutoff_factor=0.6", "graph.decoder_num_nearest_neighbours=3",
        *OURS[case.model], *OBJECTIVES[case.objective].words, f"model.channels={CHANNELS}", *(HEADED if case.model != "gnn" else ()),
        "optimiser=adamw", f"training.steps={steps}", "training.rollout=1", "training.rollout_steps=0",
        "training.gradient_clip=32", "training.gradient_clip_by=value", "training.device=cpu",
        f"training.compile={str(setting == 'compiled').lower()}",
        *((f"objective.members={case.members}",) if case.objective == "ensemble" else ()),
    ]  # fmt: skip
    command = Path(sys.executable).with_name("anemoi")
    return (
        [str(command), "train", *words, "--output", str(folder / "run")],
        folder / "run" / "metrics.jsonl",
        {},
    )


def theirs(
    case: Case, setting: str, data: Path, folder: Path, steps: int
) -> tuple[list[str], Path, dict[str, str]]:
    """The command of the peer, with a configuration made for it, and the file of its stopwatch."""
    record = folder / "steps.jsonl"
    (folder / "benchmark.yaml").write_text(
        yaml.safe_dump(peer_configuration(case, setting, data, record, steps))
    )
    command = [str(ENVIRONMENT / "bin" / "python"), str(HERE / "peer" / "train.py"), "train"]
    # The graph without edges between hidden nodes has other nodes, whose option goes.
    gone = ["~graph.nodes.hidden.node_builder.grid"] if case.model == "transformer" else []
    return [*command, "--config-name=benchmark", *gone], record, {"PYTHONPATH": str(HERE / "peer")}


def peer_configuration(case: Case, setting: str, data: Path, record: Path, steps: int) -> dict[str, Any]:
    """The configuration of the peer's training, on top of what it ships with."""
    graph = "encoder_decoder_only" if case.model == "transformer" else "multi_scale"
    how = OBJECTIVES[case.objective]
    compiled = [*COMPILED[case.model], *([CONDITIONAL] if how.model else [])]
    layer = {"num_chunks": 1, "gradient_checkpointing": False}
    heads = {} if case.model == "gnn" else {"num_heads": HEADS}
    mapper = {**layer, **heads, **({} if case.model == "gnn" else {"graph_attention_backend": "pyg"})}
    processor = {**layer, **heads, "num_layers": LAYERS}
    if case.model == "transformer":
        processor["attention_implementation"] = "scaled_dot_product_attention"
    elif case.model == "graphtransformer":
        processor["graph_attention_backend"] = "pyg"
    end = (BEGIN + np.timedelta64(DAYS, "D")).item()
    period = {"start": str(BEGIN.item().date()), "end": str(end.date())}
    groups = {
        "data": "zarr", "dataloader": "native_grid", "diagnostics": how.diagnostics, "system": "example",
        "graph": graph, "model": case.model + how.model, "task": "forecaster", "training": how.training,
    }  # fmt: skip
    return {
        "defaults": [*({group: name} for group, name in groups.items()), "_self_"],
        "config_validation": False,  # Its schema asks for more than the configurations that it ships with have.
        "data": {"datasets": {"data": {
            "forcing": [], "diagnostic": [],
            "processors": {"normalizer": {"config": {"default": "mean-std", "std": [], "max": [], "none": []}}},
        }}},
        "dataloader": {
            "batch_size": {"training": 1, "validation": 1, "test": 1},
            "num_workers": {"training": 1, "validation": 0, "test": 0},
            "pin_memory": False,
            "limit_batches": {"validation": 0},
            **{name: {"datasets": {"data": period}} for name in ("training", "validation", "test")},
        },
        "system": {
            "input": {"dataset": str(data), "graph": None},
            "output": {"root": str(record.parent / "output")},
            "hardware": {"accelerator": "cpu", "num_gpus_per_ensemble": 1},
        },
        "graph": {"nodes": {"hidden": {"node_builder": {
            "_target_": "anemoi.graphs.nodes.TriNodes", "resolution": case.refinement,
        }}}},
        "model": {
            "num_channels": CHANNELS,
            "latent_aggregator": {"_target_": "anemoi.models.layers.aggregator.SumAggregator"},
            "bounding": [] if case.model == "gnn" else {"datasets": {"data": []}},
            "compile": [{"module": name} for name in compiled] if setting == "compiled" else [],
            "node_trainable_parameters": {"data": 0, "hidden": 0},
            "edge_trainable_parameters": {"data2hidden": 0, "hidden2data": 0, "hidden2hidden": 0},
            "processor": processor,
            "encoders": {"0": {"mapper": mapper}},
            "decoders": {"0": {"mapper": {**mapper, "num_channels": CHANNELS}}},
        },
        "training": {
            "num_sanity_val_steps": 0, "precision": "32-true", "max_steps": steps,
            "metrics": {"datasets": {"data": ["v0"]}},
            **({"ensemble_size_per_device": case.members} if case.objective == "ensemble" else {}),
        },
        "diagnostics": {
            "plot": {"callbacks": []}, "enable_checkpointing": False, "enable_progress_bar": False,
            "log": {"mlflow": {"tracking_uri": "none"}},
            "callbacks": [{"_target_": "stopwatch.Stopwatch", "path": str(record)}],
        },
    }  # fmt: skip


SIDES = {"ours": ours, "theirs": theirs}


def train(side: str, case: Case, setting: str, data: Path, chosen: argparse.Namespace) -> Result:
    """Train once, and watch."""
    with tempfile.TemporaryDirectory(prefix="anemoi-benchmark-") as name:
        folder = Path(name)
        command, record, more = SIDES[side](case, setting, data, folder, chosen.steps)
        environment = {**os.environ, **more, "OMP_NUM_THREADS": str(chosen.threads)}
        with (folder / "log").open("wb") as log:
            began, first = time.time(), 0.0
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
            used: list[float] = []  # by the process, when each step ended
            while len(used) < chosen.steps and process.poll() is None:
                time.sleep(0.01)
                ended = record.read_text().count("\n") if record.exists() else 0
                first = first or (time.time() - began if ended else 0.0)
                used += [_processor_time(process.pid)] * (ended - len(used))
            usage = os.wait4(process.pid, 0)[2] if process.returncode is None else None
        lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        if len(lines) < chosen.steps or usage is None:
            sys.exit(f"{side}, {case}, {setting}:\n{(folder / 'log').read_text()[-4000:]}")
        ends = [line["seconds"] for line in lines]
        steps, seconds = np.diff(ends)[UNCOUNTED - 1 :], np.diff(used)[UNCOUNTED - 1 :]
        parameters = lines[0].get("parameters") or _parameters((folder / "log").read_text())
        return Result(
            statistics.median(steps), statistics.median(seconds), first, 1024 * usage.ru_maxrss, parameters
        )


def _processor_time(pid: int) -> float:
    """The seconds that a process has used so far, as Linux tells them."""
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def parts(case: Case, setting: str, data: Path, chosen: argparse.Namespace) -> dict[str, float]:
    """The medians of the parts of our step, in seconds."""
    with tempfile.TemporaryDirectory(prefix="anemoi-benchmark-") as name:
        folder = Path(name)
        (_, *words), _, more = ours(case, setting, data, folder, chosen.steps + 1)  # the last has no next
        command = [sys.executable, str(HERE / "training_parts.py"), str(folder / "parts.jsonl"), *words]
        environment = {**os.environ, **more, "OMP_NUM_THREADS": str(chosen.threads)}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"The parts of a step, {case}, {setting}:\n{done.stderr[-4000:]}")
        return medians(folder / "parts.jsonl", UNCOUNTED)


def floor(case: Case, data: Path, chosen: argparse.Namespace) -> dict[str, float]:
    """What our step and what comes before it cannot be below; see ``training_floor.py``."""
    with tempfile.TemporaryDirectory(prefix="anemoi-benchmark-") as name:
        folder = Path(name)
        (_, *words), _, more = ours(case, "eager", data, folder, 1)
        environment = {**os.environ, **more, "OMP_NUM_THREADS": str(chosen.threads)}
        return training_floor.measured(words, folder, environment)


def _parameters(log: str) -> int:
    """The number that ``anemoi train`` prints."""
    found = re.search(r"([\d,]+) parameters", log)
    return int(found[1].replace(",", "")) if found else 0


def environment() -> None:
    """Make the peer's environment, if there is none."""
    if (ENVIRONMENT / "made").exists():
        return
    print(f"Making {ENVIRONMENT} ...", flush=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [*pip, TORCH],
        [*pip, TORCH, "-r", str(HERE / "peer" / "training.txt")],
        [*pip, "--no-deps", "-r", str(HERE / "peer" / "training-alone.txt")],
    ):
        subprocess.run(command, check=True)
    (ENVIRONMENT / "made").touch()


def cases(chosen: argparse.Namespace) -> Iterator[Case]:
    """All that was chosen."""
    for grid in chosen.grids:
        for variables in chosen.variables:
            for model in chosen.models:
                for refinement in chosen.refinements:
                    for objective in chosen.objectives:
                        for members in chosen.members if objective == "ensemble" else [1]:
                            yield Case(model, refinement, grid, variables, objective, members)


def best(rounds: Mapping[str, Mapping[str, list[Result]]], side: str, what: str) -> tuple[float, str]:
    """The smallest of the medians of the settings of a side, and which it is."""
    medians = {
        setting: statistics.median(getattr(each, what) for each in of[side]) for setting, of in rounds.items()
    }
    setting = min(medians, key=lambda name: medians[name])
    return medians[setting], setting


def report(case: Case, rounds: Mapping[str, Mapping[str, list[Result]]]) -> None:
    """Print a case: each side with its better setting, and the ratio."""
    print(f"\n{case}")
    sides = next(iter(rounds.values()))
    for what, label, unit, scale in (
        ("step", "step", "s", 1.0),
        ("processor", "processor", "s", 1.0),
        ("first", "first step", "s", 1.0),
        ("memory", "memory", "MB", 1e-6),
        ("parameters", "parameters", "", 1.0),
    ):
        found = {side: best(rounds, side, what) for side in sides}
        numbers = [f"{side} {value * scale:10.2f} {unit} ({how})" for side, (value, how) in found.items()]
        ratio = f"theirs / ours {found['theirs'][0] / found['ours'][0]:5.2f}" if len(found) > 1 else ""
        print(f"  {label:11} {'  '.join(numbers)}  {ratio}".rstrip(), flush=True)


def main() -> None:
    """Let both train each case in turns, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=sorted(OURS), default=list(OURS))
    parser.add_argument("--objectives", nargs="+", choices=list(OBJECTIVES), default=["rollout"])
    parser.add_argument("--members", type=int, nargs="+", default=[2], help="of the ensemble")
    parser.add_argument("--refinements", type=int, nargs="+", default=[4, 5])
    parser.add_argument("--grids", type=int, nargs="+", default=[32, 48])
    parser.add_argument("--variables", type=int, nargs="+", default=[4, 80])
    parser.add_argument("--settings", nargs="+", choices=["eager", "compiled"], default=["eager", "compiled"])
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--output", type=Path, default=Path("runs/training"))
    chosen = parser.parse_args()
    if chosen.steps <= UNCOUNTED:
        parser.error(f"--steps: the first {UNCOUNTED} are not counted, so more than that.")
    if "theirs" in chosen.sides and "gnn" in chosen.models and {*chosen.objectives} - {"rollout"}:
        parser.error("--models: the peer trains no gnn but by --objectives rollout.")
    if "theirs" in chosen.sides:
        environment()
    chosen.output.mkdir(parents=True, exist_ok=True)
    results = {}
    for case in cases(chosen):
        with tempfile.TemporaryDirectory(prefix="anemoi-benchmark-") as folder:
            data = Path(folder, "data.zarr")
            data_set(data, case)
            rounds: dict[str, dict[str, list[Result]]] = {
                setting: {side: [] for side in chosen.sides} for setting in chosen.settings
            }
            for _ in range(chosen.rounds):
                for setting, sides in rounds.items():
                    for side, found in sides.items():
                        found.append(train(side, case, setting, data, chosen))
            report(case, rounds)
            numbers: dict[str, Any] = {
                setting: {side: [asdict(each) for each in found] for side, found in sides.items()}
                for setting, sides in rounds.items()
            }
            if "ours" in chosen.sides and chosen.parts:
                step, setting = best(rounds, "ours", "step")
                numbers["parts"] = parts(case, setting, data, chosen)
                numbers["floor"] = floor(case, data, chosen)
                print(
                    table(numbers["parts"]),
                    training_floor.described(numbers["floor"], step),
                    sep="\n",
                    flush=True,
                )
        results[str(case)] = numbers
        (chosen.output / "training.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
