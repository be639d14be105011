"""The kinds of jobs that are installed here, as the pages offer them."""

from __future__ import annotations

from .. import schemas


def offered_kinds() -> list[dict[str, str]]:
    """All that can be used, the forecast first: ``kind``, ``title`` and ``summary``."""
    usable = [each for each in schemas.kinds() if not each["problem"]]
    return sorted(usable, key=lambda each: (each["kind"] != "forecast", each["title"]))
