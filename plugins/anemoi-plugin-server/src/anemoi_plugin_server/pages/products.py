"""What a finished job made, as a page lists it: whole data sets rather than the files they consist of."""

from __future__ import annotations

from dataclasses import dataclass

from anemoi.core.errors import NotThereError

from ..offers import Offers
from ..records import JobRecord
from ..results.manifest import Manifest

STORE = ".zarr"
"""A directory that ends so is one data set."""


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
