"""How fast a forecast is, how much of its time is not the model's, and how fast anemoi-inference makes the same one.

    python benchmarks/forecast.py [OVERRIDES]... [--processor transformer] [--steps 20] [--rounds 5] [--peer PYTHON]

The model is a graph transformer with the options that make it the mathematics of the peer's, and one step of training
behind it; with ``--processor transformer`` there is a transformer with a sliding window between its ends. OVERRIDES
change the configuration that ``anemoi train`` begins with. ``made`` is a forecast that nobody keeps,
``written`` one that goes to a Zarr data set. PYTHON is that of an environment made as benchmarks/peer/inference.txt
says: in ``runner`` anemoi-inference 0.13.0 runs our model, and in ``peer`` one of the layers of anemoi-models 0.19.0 with
our weights; nobody keeps what they make either. Each runs in a process of its own, on one thread, taking turns in every
round, and the first step is not counted. Seconds pass on the clock, and on the processor for the thread that
computes: on a machine that does other things, trust the latter. Prints the medians of all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

MODEL = [
    "model=graphtransformer",
    *(f"model.{end}.attention_normalisation=layer_norm" for end in ("encoder", "decoder")),
    "model.encoder.embed_source=true",
    "model.encoder.embed_target=true",
    "model.encoder.embed_out=false",
    "model.decoder.embed_target=true",
    "model.decoder.embed_out=true",
    "model.decoder.normalise_out=true",
]
TRANSFORMER = [
    "~model.processor",
    "+model.processor={name: transformer, num_layers: 4, num_heads: 8, window_size: 512}",
    *(f"+model.processor.{option}" for option in ("node_order=given", "qkv_bias=false", "rotary=false")),
]


class Stopwatch:
    """Counts the seconds of a loop after its first turn, and those that it is in the model."""

    def __init__(self) -> None:
        self.turns = 0
        self.inside = [0.0, 0.0]
        self.began = self.ended = _now()

    def turn(self) -> None:
        """Note that a turn of the loop has ended."""
        self.turns, self.ended = self.turns + 1, _now()
        if self.turns == 1:
            self.began, self.inside = self.ended, [0.0, 0.0]

    @contextmanager
    def model(self) -> Iterator[None]:
        """Count what is within as the model's."""
        before = _now()
        yield
        self.inside = [
            sum_ + after - earlier for sum_, after, earlier in zip(self.inside, _now(), before, strict=True)
        ]

    def result(self) -> dict[str, list[float]]:
        """Seconds a step, and the share of them outside the model: on the clock, and on the processor."""
        whole = [after - before for after, before in zip(self.ended, self.began, strict=True)]
        return {
            "seconds": [each / (self.turns - 1) for each in whole],
            "outside": [1 - inside / each for inside, each in zip(self.inside, whole, strict=True)],
        }


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def _watched(model: Any, watch: Stopwatch) -> None:
    forward = model.forward

    def timed(*arguments: Any) -> Any:
        with watch.model():
            return forward(*arguments)

    model.forward = timed


def _source(checkpoint: Any) -> Any:
    from anemoi.core import config

    return config.build("source", checkpoint.configuration["data"])


def ours(path: str, steps: int, *, written: bool) -> tuple[Stopwatch, Any]:
    """Make a forecast, and write it."""
    from anemoi.core import forecast, load_checkpoint
    from anemoi.core.checkpoint import build_model
    from anemoi.core.forecasting import Destination, prepare

    checkpoint, watch = load_checkpoint(path), Stopwatch()
    model = build_model(checkpoint)
    _watched(model, watch)
    source, lead_time = _source(checkpoint), checkpoint.domain.frequency * steps
    start = source.times[1]
    last: Any = None
    if written:
        with tempfile.TemporaryDirectory() as directory:
            to = [Destination.of(f"{directory}/forecast.zarr")]
            batch = prepare(checkpoint, source, [start], to, lead_time, model=model)
            list(batch.run(lambda forecast, state: watch.turn()))
    else:
        for state in forecast(checkpoint, source, start, lead_time, model=model):
            last = state.fields[0]
            watch.turn()
    return watch, last


def theirs(path: str, steps: int, *, layers: bool) -> tuple[Stopwatch, Any]:
    """Let anemoi-inference make the forecast, with our layers or the peer's."""
    import numpy as np
    from anemoi.core import load_checkpoint
    from anemoi.inference.runners.simple import SimpleRunner
    from anemoi.utils.checkpoints import save_metadata

    checkpoint, watch = load_checkpoint(path), Stopwatch()
    source = _source(checkpoint)
    start = source.times[1]
    domain = checkpoint.domain
    names, forcings = list(domain.prognostic), list(domain.forcings)
    columns = [source.variables.index(name) for name in names]
    states = source.read([start - domain.frequency, start])[:, 0][..., columns]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "inference.ckpt")
        torch.save(Predictor(path, layers), file)
        save_metadata(file, _metadata(names, forcings, len(domain.grid)))
        runner = SimpleRunner(str(file), device="cpu", precision="32", verbosity=0)
        _watched(runner.model.model, watch)
        state = {
            "date": start.astype("datetime64[s]").item(),
            "latitudes": domain.grid.latitudes,
            "longitudes": domain.grid.longitudes,
            "fields": {name: states[..., column] for column, name in enumerate(names)},
        }
        hours = int(domain.frequency / np.timedelta64(1, "h")) * steps
        for made in runner.run(input_states=state, lead_time=f"{hours}h"):
            watch.turn()
    return watch, np.stack([made["fields"][name] for name in names], axis=-1)


class Predictor(nn.Module):
    """Our model as anemoi-inference calls one: fields and forcings in, the next fields out.

    It is pickled as the path of a checkpoint of ours, since layers may hold what cannot be pickled.
    """

    def __init__(self, path: str, layers: bool) -> None:
        from anemoi.core import load_checkpoint
        from anemoi.core.checkpoint import build_model

        super().__init__()
        self.given = (path, layers)
        checkpoint = load_checkpoint(path)
        self.model = build_model(checkpoint)
        if layers:
            _exchange_layers(self.model.network, checkpoint)

    def __reduce__(self) -> tuple[Any, ...]:
        return Predictor, self.given

    def predict_step(self, x: Any, **_: Any) -> Any:
        """From ``(1, input_steps, grid, variable and forcing)`` to ``(1, ensemble, grid, variable)``."""
        domain = self.model.domains["data"]
        fields = self.model.normalise("data", x[:, :, None], domain.inputs)
        return self.model.denormalise("data", self.model({"data": fields})["data"])[:, 0]


def _exchange_layers(model: Any, checkpoint: Any) -> None:
    """Put the peer's layers, with the weights that are there, in the place of ours."""
    sys.path.insert(0, str(Path(__file__).parent / "peer"))
    from anemoi.core.config import options_of
    from cases import graphtransformer, transformer

    graph, given = checkpoint.graph, checkpoint.configuration["model"]
    channels, out = given["channels"], model.outputs["data"].channels
    inward = model.inputs["data"].channels
    sizes = {"encoder": (inward, 3, channels), "decoder": (channels, inward, out)}
    for role, ends in {"encoder": ("data", "hidden"), "decoder": ("hidden", "data")}.items():
        layer = graphtransformer.TheirMapper(
            source=graph.nodes[ends[0]],
            target=graph.nodes[ends[1]],
            edges=graph.edges[ends],
            channels=channels,
            **dict(zip(("source_channels", "target_channels", "out_channels"), sizes[role], strict=True)),
            **options_of(given[role]),
        )
        layers = getattr(model, f"{role}s")
        layers["data"] = _loaded(layer, graphtransformer.weights(layers["data"].state_dict()))
    ours = model.processor.state_dict()
    if given["processor"]["name"] == "transformer":
        theirs, known = transformer.Theirs, transformer.weights(ours, gated=False)
    else:
        theirs, known = graphtransformer.TheirProcessor, graphtransformer.weights(ours)
    processor = theirs(
        nodes=graph.nodes["hidden"],
        edges=graph.edges["hidden", "hidden"],
        channels=channels,
        **options_of(given["processor"]),
    )
    model.processor = _loaded(processor, known)


def _loaded(layer: nn.Module, weights: dict[str, torch.Tensor]) -> nn.Module:
    names = {name for name, _ in layer.named_parameters()}  # some have a second name in the state
    if names != set(weights):
        raise SystemExit(f"weights do not match: {sorted(names ^ set(weights))}")
    layer.load_state_dict(weights, strict=False)
    return layer


def _metadata(variables: list[str], forcings: list[str], points: int) -> dict[str, Any]:
    """What anemoi-inference reads of a checkpoint, in the form of anemoi-training."""
    states = list(range(len(variables)))
    known = list(range(len(variables), len(variables) + len(forcings)))
    indices = {
        "input": {"full": states + known, "forcing": known, "prognostic": states, "diagnostic": []},
        "output": {"full": states, "prognostic": states, "diagnostic": []},
    }
    constant = {"cos_latitude", "sin_latitude", "cos_longitude", "sin_longitude"}
    return {
        "version": "1.0",
        "config": {
            "training": {"multistep_input": 2, "precision": "32"},
            "data": {"timestep": "6h", "frequency": "6h", "forcing": forcings, "diagnostic": []},
        },
        "data_indices": {"data": indices, "model": indices},
        "dataset": {
            "variables": variables + forcings,
            "shape": [100, len(variables + forcings), 1, points],
            "variables_metadata": {
                **{name: {"mars": {"param": name, "levtype": "sfc"}} for name in variables},
                **{
                    name: {"computed_forcing": True, "constant_in_time": name in constant}
                    for name in forcings
                },
            },
        },
    }


CONTENDERS: dict[str, Callable[[str, int], tuple[Stopwatch, Any]]] = {
    "made": lambda path, steps: ours(path, steps, written=False),
    "written": lambda path, steps: ours(path, steps, written=True),
    "runner": lambda path, steps: theirs(path, steps, layers=False),
    "peer": lambda path, steps: theirs(path, steps, layers=True),
}
THEIRS = ("runner", "peer")


def measure(contender: str, path: str, steps: int) -> None:
    """Run one contender, print what the clock says, and keep the last state where it can be compared."""
    import numpy as np

    torch.set_num_threads(1)
    watch, last = CONTENDERS[contender](path, steps)
    if last is not None:
        np.save(Path(path).with_name(f"{contender}.npy"), last)
    print(json.dumps(watch.result()))


def main() -> None:
    """Train for a step, let all contenders run in turns, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the configuration, as for anemoi train")
    parser.add_argument(
        "--processor", choices=("graphtransformer", "transformer"), default="graphtransformer"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", type=Path, help="the Python of an environment with anemoi-inference")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(*chosen.measure, chosen.steps)
        return
    with tempfile.TemporaryDirectory() as directory:
        processor = TRANSFORMER if chosen.processor == "transformer" else []
        path = _trained([*processor, *chosen.overrides], directory)
        contenders = [name for name in CONTENDERS if name not in THEIRS or chosen.peer]
        rounds: dict[str, list[dict[str, list[float]]]] = {name: [] for name in contenders}
        for _ in range(chosen.rounds):
            for name, measured in rounds.items():
                python = chosen.peer if name in THEIRS else sys.executable
                command = [
                    str(python),
                    "-W",
                    "ignore",
                    __file__,
                    "--measure",
                    name,
                    path,
                    "--steps",
                    str(chosen.steps),
                ]
                quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet)
                measured.append(json.loads(done.stdout.splitlines()[-1]))
        report(rounds)
        if chosen.peer:
            compare(Path(path))


def _trained(overrides: list[str], directory: str) -> str:
    from anemoi_plugin_training import train

    words = ["training.steps=1", "training.rollout_steps=0", *MODEL, *overrides]
    return str(train(*words, output=f"{directory}/run"))


def report(rounds: dict[str, list[dict[str, list[float]]]]) -> None:
    """Print the medians: on the clock, and on the processor for the thread that computes."""
    print(f"{'':10}{'steps/s, clock':>16}{'processor':>12}{'outside the model, clock':>27}{'processor':>12}")
    for name, measured in rounds.items():
        rates = [statistics.median(1 / one["seconds"][which] for one in measured) for which in (0, 1)]
        shares = [statistics.median(one["outside"][which] for one in measured) for which in (0, 1)]
        print(f"{name:10}{rates[0]:>16.2f}{rates[1]:>12.2f}{shares[0]:>26.1%} {shares[1]:>12.1%}")
    for other in (name for name in THEIRS if name in rounds):
        for which, clock in enumerate(("clock", "processor")):
            pairs = zip(rounds[other], rounds["made"], strict=True)
            ratios = [theirs["seconds"][which] / ours["seconds"][which] for theirs, ours in pairs]
            print(f"made / {other}, on the {clock}: {statistics.median(ratios):.2f} times as fast")


def compare(path: Path) -> None:
    """Print how far the last states are apart, beside how much they vary."""
    import numpy as np

    made, *others = (np.load(path.with_name(f"{name}.npy")) for name in ("made", *THEIRS))
    for name, other in zip(THEIRS, others, strict=True):
        apart = np.sqrt(np.mean((made - other) ** 2, axis=0)) / made.std(axis=0)
        print(f"last states of made and {name}: {apart.max():.1e} standard deviations apart at most")


if __name__ == "__main__":
    main()
