"""Lines of the log, each with the request and the job that it is about."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Any, Final, TextIO

from anemoi.core.printable import printable
from anemoi.core.secrets import masked

REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""The identifier of the request that is being answered."""

MEMBERS: Final = ("request", "job", "kind", "state", "user", "address", "method", "path", "status", "seconds")
"""What a line may tell besides its message: what a caller gives as ``extra``."""


def configure(form: str) -> None:
    """Write all that this process logs to the standard error, as ``text`` or as ``json``."""
    logging.basicConfig(level=logging.INFO, handlers=[handler(form, sys.stderr)], force=True)


def handler(form: str, stream: TextIO) -> logging.Handler:
    """What writes lines of the log, as ``text`` or as ``json``."""
    made = logging.StreamHandler(stream)
    made.setFormatter(JsonLines() if form == "json" else TextLines())
    made.addFilter(_of_this_request)
    return made


def _of_this_request(record: logging.LogRecord) -> bool:
    """Add the request; of libraries, whose levels are their own, leave out all but warnings."""
    if record.levelno < logging.WARNING and not record.name.startswith("anemoi"):
        return False
    if not hasattr(record, "request"):
        record.request = REQUEST.get()
    return True


def _members(record: logging.LogRecord) -> dict[str, Any]:
    found = {name: getattr(record, name, None) for name in MEMBERS}
    return {name: value for name, value in found.items() if value is not None}


class JsonLines(logging.Formatter):
    """One JSON object a line, whatever a message holds: nobody writes a line of their own into the log."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{second}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
            **masked(_members(record)),
        }
        if record.exc_info:
            line["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """A line for people. What a message holds neither breaks the line nor acts on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        when = time.strftime("%H:%M:%S", time.gmtime(record.created))
        about = "".join(f" {name}={value}" for name, value in _members(record).items())
        message = f"{record.getMessage()}{about}".replace("\r", "\\r").replace("\n", "\\n")
        line = printable(masked(f"{when} {record.levelname.lower()} {message}"))
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
