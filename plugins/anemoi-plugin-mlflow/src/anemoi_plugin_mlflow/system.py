"""How busy the machine is: processors, memory, and GPUs where there are any."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import psutil
import pynvml

log = logging.getLogger("anemoi")
_MEGABYTE = 1e6


class Sampler:
    """Looks at the machine now and then, in a thread of its own.

    The names are those that MLflow shows as system metrics.

    Parameters
    ----------
    record
        Given each sample and its number, counted from zero.
    every
        Seconds between two samples; 0 takes none.
    """

    def __init__(self, record: Callable[[Mapping[str, float], int], None], *, every: float) -> None:
        self._record, self._every = record, every
        self._samples = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="anemoi-mlflow-system", daemon=True)

    def start(self) -> None:
        """Begin."""
        if self._every:
            self._thread.start()

    def stop(self) -> None:
        """Take a last sample and end, so that the shortest run has one."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            with _Gpus() as gpus:
                psutil.cpu_percent()  # The load since the call before: the first one has none.
                process = psutil.Process()
                last = False
                while not last:
                    last = self._stopped.wait(self._every)
                    self._record({**_host(process), **dict(gpus.sample())}, self._samples)
                    self._samples += 1
        except Exception as error:
            log.warning("The tracker mlflow cannot watch the machine any more: %r", error)


def _host(process: psutil.Process) -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_megabytes": memory.used / _MEGABYTE,
        "system/system_memory_usage_percentage": memory.percent,
        "system/process_memory_usage_megabytes": process.memory_info().rss / _MEGABYTE,
    }


class _Gpus:
    """The GPUs of NVIDIA's driver; none where there is no driver."""

    def __enter__(self) -> _Gpus:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            self._handles = []
        else:
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            pynvml.nvmlShutdown()

    def sample(self) -> Iterator[tuple[str, float]]:
        for index, handle in enumerate(self._handles):
            for name, read in _READINGS.items():
                # A GPU that is shared, or an old one, does not tell everything.
                with suppress(pynvml.NVMLError):
                    yield f"system/gpu_{index}_{name}", read(handle)


_READINGS: Mapping[str, Callable[[Any], float]] = {
    "utilization_percentage": lambda handle: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu,
    "memory_usage_megabytes": lambda handle: pynvml.nvmlDeviceGetMemoryInfo(handle).used / _MEGABYTE,
    "power_usage_watts": lambda handle: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
}
