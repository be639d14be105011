"""A store of MLflow's in a file of SQLite, which several runs may begin to use at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anemoi.core.files import appearing, leftovers
from filelock import FileLock
from mlflow.tracking import MlflowClient

from .spool import SQLITE


@contextmanager
def opened(uri: str) -> Iterator[MlflowClient]:
    """Open the store at ``uri``, alone if it is a local one: MLflow makes or upgrades it in many steps.

    Two processes that take these steps at once, or one that is killed between them, leave a store
    that nobody can open again. So a new one is made under another name, and renamed when it is whole.
    """
    if not uri.startswith(SQLITE):
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        return
    database = Path(uri.removeprefix(SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(f".{database.name}.lock")):
        if not database.exists():
            _make(database)
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)


def _make(database: Path) -> None:
    for remains in leftovers(database):  # of one that was killed: its database, and a journal
        remains.unlink()
    with appearing(database) as partial:
        uri = f"{SQLITE}{partial}"
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
