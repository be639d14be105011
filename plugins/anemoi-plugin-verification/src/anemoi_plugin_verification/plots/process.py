"""Draws what comes on the standard input, and prints the path of each file that is whole."""

from __future__ import annotations

import os
import pickle
import sys

from anemoi.core.files import write_whole

from .figures import pictures
from .forecast import Drawing


def main() -> None:
    """Draw one :class:`.Drawing`."""
    os.nice(10)  # the training comes first
    drawing: Drawing = pickle.load(sys.stdin.buffer)
    drawing.directory.mkdir(exist_ok=True)
    for name, content in pictures(drawing):
        path = drawing.directory / f"{drawing.step:08d}-{name}.png"
        write_whole(path, content)
        print(path, flush=True)


if __name__ == "__main__":
    main()
