"""A callback of Lightning that notes when each step of the peer's training ended."""

import json
import time
from typing import Any

from pytorch_lightning.callbacks import Callback


class Stopwatch(Callback):
    """Writes a line for each step to a file, with the number of parameters."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the training

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any, **__: Any) -> None:
        """Note the time."""
        line = {"seconds": time.time(), "parameters": sum(each.numel() for each in module.parameters())}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
