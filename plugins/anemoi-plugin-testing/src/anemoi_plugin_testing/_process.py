"""What a run depends on beyond its own values: looked at, put back after each check, and left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SIGNALS = {signal.SIGINT: "what an interrupt does", signal.SIGTERM: "what a signal to end does"}

PATIENCE = 60.0
"""Seconds that another process may take for something small."""


def state_of_the_process() -> dict[str, Any]:
    """What a run depends on, each part by what to call it, to be compared."""
    torch = sys.modules.get("torch")
    kind, keys, *place = np.random.get_state()
    return {
        "the random numbers of Python": random.getstate(),
        "the random numbers of numpy": (kind, np.asarray(keys).tobytes(), place),
        "the random numbers of torch": torch.get_rng_state().numpy().tobytes() if torch else None,
        "whether torch takes gradients": torch.is_grad_enabled() if torch else None,
        "what torch makes by default": torch.get_default_dtype() if torch else None,
        "the working directory": Path.cwd(),
        **{name: signal.getsignal(number) for number, name in SIGNALS.items()},
    }


@contextmanager
def process_kept() -> Iterator[None]:
    """Put back what a run depends on, whatever happens in between."""
    torch, folder = sys.modules.get("torch"), Path.cwd()
    of_python, of_numpy = random.getstate(), np.random.get_state()
    of_torch = torch and (torch.get_rng_state(), torch.is_grad_enabled(), torch.get_default_dtype())
    threads = torch.get_num_threads() if torch else 0
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        if torch:
            torch.set_num_threads(1)  # Fastest for tensors as small as those of the checks.
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        if torch and of_torch:
            torch.set_num_threads(threads)
            torch.set_rng_state(of_torch[0])
            torch.set_grad_enabled(of_torch[1])
            torch.set_default_dtype(of_torch[2])
        os.chdir(folder)
        if threading.current_thread() is threading.main_thread():  # No other may.
            for number, handler in handlers.items():
                signal.signal(number, handler)


def in_fresh_python(code: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ``code`` in a new process that finds the same modules, with ``given`` as its standard input."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"],
        input=given,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
