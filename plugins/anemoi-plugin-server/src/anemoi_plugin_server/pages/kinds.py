"""The kinds of jobs that are installed here, as the pages offer them."""

from __future__ import annotations

from .. import schemas


def offered_kinds() -> list[dict[str, str]]:
    """All that can be used, by title: ``kind``, ``title`` and ``summary``."""
    return sorted((each for each in schemas.kinds() if not each["problem"]), key=lambda each: each["title"])
