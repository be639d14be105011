"""What a warm parent imports before the first job comes."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module
from typing import Final

KINDS: Final = (
    "command", "decoder", "encoder", "forcing", "job", "objective", "output", "postprocessor", "processor",
    "source", "transform",
)  # fmt: skip
"""The kinds whose components are imported before they are asked for."""


MODULES: Final = (
    "anemoi.core.allocation",
    "anemoi.core.cli.forecast_suite",
    "anemoi.core.config.models",
    "anemoi.core.config.schema",
    "anemoi.core.forecasting.cluster",
    "anemoi_plugin_server.running.process",
    "rich.progress",
    "torch",
    "zarr",
)
"""What commands import late, if it is installed."""


def import_ahead() -> None:
    """Import what most jobs need, and remember what is installed."""
    from anemoi.core import config, plugins
    from anemoi.core.errors import AnemoiError

    for module in MODULES:
        with suppress(ImportError):
            import_module(module)
    config.compose("forecast")
    for kind in KINDS:
        for component in plugins.components(kind):
            # They are not loaded: what a process has loaded is what it has used, as provenance tells.
            with suppress(Exception):  # told of when it is asked for
                import_module(component.value.partition(":")[0])
            with suppress(AnemoiError):
                plugins.lock(kind, component.full_name)  # which remembers the hash of its files
    gc.collect()
    gc.freeze()  # so that no collection touches, and so copies, the memory that children share
