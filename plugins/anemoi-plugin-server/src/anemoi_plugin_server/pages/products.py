"""What a finished job made, as a page lists it: whole data sets rather than the files they consist of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anemoi.core.errors import NotThereError
from anemoi.core.plugins import components

from ..offers import Offers
from ..records import JobRecord
from ..results.manifest import Manifest

STORE: Final = ".zarr"
"""A directory that ends so is one data set."""

SHOWN: Final = (".html", ".png", ".json", ".csv", ".txt", ".md", ".yaml")
"""Files that end so are looked at in the browser rather than saved."""


@dataclass(frozen=True)
class Product:
    """A file, or a data set of many files.

    Parameters
    ----------
    path
        Within the result.
    files
        How many files it consists of.
    size
        In bytes.
    """

    path: str
    files: int
    size: int

    @property
    def is_store(self) -> bool:
        """Whether it is a directory, which is read in place."""
        return self.path.endswith(STORE)

    @property
    def is_shown(self) -> bool:
        """Whether a browser shows it."""
        return self.path.endswith(SHOWN)


def brief(job: JobRecord) -> str:
    """What a job was asked for, in a few words."""
    said = [str(value) for value in job.options.values() if isinstance(value, str)]
    return f"{' · '.join(said[:3]) or job.kind} ({job.id[:6]})"


def drawable(offers: Offers, job: JobRecord) -> list[str]:
    """The files of a result that a source which is installed here reads, so that a map can show them."""
    known = {component.name for component in components("source") if component.state == "ok"}
    return [each.path for each in products(offers, job) if each.path.rpartition(".")[2] in known]


def products(offers: Offers, job: JobRecord) -> list[Product]:
    """What is in the result of a job; nothing if it has none, or it has been cleaned up."""
    if job.result is None:
        return []
    try:
        entries = Manifest.read(offers.results / job.result).entries
    except NotThereError:
        return []
    found: dict[str, Product] = {}
    for name, entry in entries.items():
        path = _whole(name)
        before = found.get(path, Product(path, 0, 0))
        found[path] = Product(path, before.files + 1, before.size + entry.size)
    return [found[path] for path in sorted(found)]


def _whole(path: str) -> str:
    """The data set that a file belongs to, or the file itself."""
    parts = path.split("/")
    for depth, part in enumerate(parts, 1):
        if part.endswith(STORE):
            return "/".join(parts[:depth])
    return path
