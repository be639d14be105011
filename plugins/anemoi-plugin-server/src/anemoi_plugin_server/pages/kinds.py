"""The kinds of jobs that are installed here, as the pages offer them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from anemoi.core.errors import PluginError
from anemoi.core.plugins import components, load


@dataclass(frozen=True)
class OfferedKind:
    """A kind of job that can be asked for.

    Parameters
    ----------
    name
        The component of the kind ``job``.
    title
        What the page calls it.
    summary
        What it does, in a sentence.
    """

    name: str
    title: str
    summary: str


def offered_kinds() -> list[OfferedKind]:
    """All that can be used, by title; ``anemoi plugins doctor`` tells why another does not load."""
    found = []
    for component in components("job"):
        if component.state != "ok":
            continue
        try:
            job = load("job", component.full_name)
        except PluginError:
            continue
        summary = (inspect.getdoc(job) or "").partition("\n")[0]
        found.append(OfferedKind(component.name, job.title, summary))
    return sorted(found, key=lambda kind: kind.title)
