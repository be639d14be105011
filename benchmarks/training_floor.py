"""``anemoi train`` for one step, to find what no step can be below: ``python training_floor.py FILE BEGAN WORDS...``.

FILE gets the seconds from BEGAN (of ``time.time()``) to the first step and the peak of memory there, and the seconds
that the matrix products of a step take by themselves, attention included: each is recorded in the forward and the
backward pass, and done again by one thread with tensors of the same shapes and layouts, several times. The shortest
counts, in seconds of the processor over the threads of the training, as if these shared it without loss: other work
on the machine does not count.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPEATS = 5
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")


def of_torch() -> dict[str, float]:
    """The seconds and the memory that a process takes to import torch and do nothing."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", "import torch"])
    usage = os.wait4(process.pid, 0)[2]
    return {"import": time.perf_counter() - began, "import memory": 1024.0 * usage.ru_maxrss}


def measured(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """What a training with these words cannot be below."""
    record = folder / "floor.json"
    command = [sys.executable, __file__, str(record), str(time.time()), *words, "training.compile=false"]
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"The floor of a step:\n{done.stderr[-4000:]}")
    return {**of_torch(), **json.loads(record.read_text())}


def described(floor: Mapping[str, float], step: float) -> str:
    """Two lines for a table, beside the measured seconds of a step."""
    return (
        f"  matrix products alone {floor['products']:.2f} s of our step ({floor['products'] / step:.0%})\n"
        f"  import of torch {floor['import']:.1f} s, {floor['import memory'] / 1e6:.0f} MB; "
        f"ready for the first step after {floor['ready']:.1f} s, with {floor['ready memory'] / 1e6:.0f} MB"
    )


class Recorder:
    """Counts the matrix products of the parts of one step, by operation, shapes and layouts."""

    def __init__(self, path: Path, began: float, parts: Sequence[str]) -> None:
        self._path, self._began, self._parts = path, began, parts
        self._found: dict[str, float] = {}
        self._counts = Counter[str]()
        self._calls: dict[str, tuple[Any, Any, Any]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Stands for :func:`anemoi_plugin_training.parts.part`."""
        if not self._found:
            peak = 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self._found = {"ready": time.time() - self._began, "ready memory": peak}
        if name not in self._parts:
            yield
            return
        with recording(self._note):
            yield

    def _note(self, operation: Any, arguments: Any, options: Any) -> None:
        name = operation.__name__.split(".")[0].rstrip("_")
        if name in PRODUCTS or name.startswith("_scaled_dot_product"):
            call = (operation, *_outlined((arguments, options)))
            self._counts[str(call)] += 1
            self._calls[str(call)] = call

    def write(self) -> None:
        """Do each product again by itself, and write what was found."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        products = sum(self._counts[key] * _shortest(*call) for key, call in self._calls.items()) / threads
        self._path.write_text(json.dumps({**self._found, "products": products}))


@contextmanager
def recording(note: Any) -> Iterator[None]:
    """Tell ``note`` of every operation, its arguments and options."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            note(func, args, kwargs or {})
            return func(*args, **(kwargs or {}))

    with Mode():
        yield


def _outlined(tree: Any) -> Any:
    """Each tensor as its shape, strides and type."""
    import torch
    from torch.utils._pytree import tree_map_only

    return tree_map_only(
        torch.Tensor,
        lambda each: torch.empty_strided(each.shape, each.stride(), dtype=each.dtype, device="meta"),
        tree,
    )


def _shortest(operation: Any, arguments: Any, options: Any) -> float:
    """The seconds of the processor that one operation takes on tensors of its own."""
    import torch
    from torch.utils._pytree import tree_map_only

    def filled(each: torch.Tensor) -> torch.Tensor:
        made = torch.empty_strided(each.shape, each.stride(), dtype=each.dtype)
        return made.normal_() if made.is_floating_point() else made.zero_()

    arguments, options = tree_map_only(torch.Tensor, filled, (arguments, options))
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        operation(*arguments, **options)
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    from anemoi.core.cli import main
    from anemoi_plugin_training import loop, parts

    recorder = Recorder(Path(sys.argv[1]), float(sys.argv[2]), (parts.FORWARD, parts.BACKWARD))
    loop.part = recorder.part
    status = main(sys.argv[3:])
    recorder.write()
    sys.exit(status)
