"""Finds in the output of a tool the line that says why it failed."""

from __future__ import annotations

import re

_DRAWING = re.compile(r"[\u00d7\u2500-\u259f\u25b6]+")
"""Frames that uv and rich draw around their words."""
_RAISED = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b: *\S")
_LIMIT = 400


def one_line(text: str, limit: int = _LIMIT) -> str:
    """The text on one line, without drawings, its end left out where it is long."""
    line = " ".join(_DRAWING.sub(" ", text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def cause(text: str) -> str:
    """What a program says that it failed of, on one line.

    The summary of pytest, else the error that a command printed (and not its advice, which comes after),
    else the last exception, else the last words.
    """
    lines = [line for line in (one_line(line) for line in text.splitlines()) if line.strip(" =-_")]
    summaries = [line for line in lines if line.startswith(("FAILED ", "ERROR ", "E  "))]
    told = [line for line in lines if line.startswith("Error: ") and len(line) > len("Error: ")]
    raised = [line for line in lines if _RAISED.match(line)]
    return (summaries or told or raised or lines or ["it printed nothing"])[-1]
