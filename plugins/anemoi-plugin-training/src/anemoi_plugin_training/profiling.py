"""Where the time and the memory of an optimisation step go."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from .loop import Optimisation
from .parts import PARTS, PREFIX

TRACE = "trace.json"
WARM_UP, STEPS = 3, 10
"""How many steps compile, fill caches and begin to read ahead, and how many are looked at."""


@dataclass(frozen=True)
class PartProfile:
    """One part of a step.

    Parameters
    ----------
    name
        What it is.
    seconds
        In each step.
    memory
        Bytes that it has taken when it ends, less those that it has given back, in each step; None of what is
        in no part.
    """

    name: str
    seconds: float
    memory: float | None


@dataclass(frozen=True)
class Profile:
    """Where the time of some steps has gone.

    Parameters
    ----------
    steps
        How many.
    seconds
        Of each, everything included.
    parts
        In the order of a step; the rest is last.
    peak
        Bytes of a GPU that were in use at most; None on a CPU.
    """

    steps: int
    seconds: float
    parts: tuple[PartProfile, ...]
    peak: int | None

    def __str__(self) -> str:
        rows = [("part", "ms per step", "share", "memory")]
        for part in self.parts:
            share = f"{part.seconds / self.seconds:.1%}"
            memory = "" if part.memory is None else f"{part.memory / 2**20:+.2f} MiB"
            rows.append((part.name, f"{1e3 * part.seconds:.2f}", share, memory))
        rows.append(("step", f"{1e3 * self.seconds:.2f}", "100.0%", ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        peak = [] if self.peak is None else [f"At most {self.peak / 2**30:.2f} GiB of the GPU were in use."]
        return "\n".join([f"The mean of {self.steps} steps:", *(line.rstrip() for line in table), *peak])


def profile_steps(optimisation: Optimisation, directory: Path, *, writes: bool = True) -> Profile:
    """Take some steps of a training, and say where their time and memory have gone.

    Parameters
    ----------
    optimisation
        Fresh; changed.
    directory
        Receives ``trace.json``, for https://ui.perfetto.dev and other viewers.
    writes
        Whether this process writes it: of several one does.
    """
    steps, cuda = optimisation.steps(), optimisation.device.type == "cuda"
    for _ in itertools.islice(steps, WARM_UP):
        pass
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    if cuda:
        torch.cuda.reset_peak_memory_stats(optimisation.device)
    taken = 0
    with profile(activities=activities, profile_memory=True) as profiler:
        began = time.perf_counter()
        for _ in range(STEPS):
            with record_function(f"{PREFIX}step"):
                taken += next(steps, None) is not None
        seconds = time.perf_counter() - began
    if writes:
        directory.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(directory / TRACE))
    taken = max(1, taken)
    events = {event.key.removeprefix(PREFIX): event for event in profiler.key_averages()}
    found = [
        PartProfile(
            name,
            1e-6 * events[name].cpu_time_total / taken,
            (events[name].device_memory_usage if cuda else events[name].cpu_memory_usage) / taken,
        )
        for name in PARTS
        if name in events
    ]
    rest = seconds / taken - sum(part.seconds for part in found)
    return Profile(
        taken,
        seconds / taken,
        (*found, PartProfile("rest", rest, None)),
        torch.cuda.max_memory_allocated(optimisation.device) if cuda else None,
    )
