"""The Dask cluster that jobs run on: workers on this machine, a scheduler's, or those of a batch system."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from anemoi.core.errors import ConfigError, ResourceError

from .attempt import Attempt
from .settings import RunningSettings

if TYPE_CHECKING:
    from distributed import Client, Future

PATIENCE: Final = "10s"
"""How long a scheduler may take to answer."""

LOCAL: Final = "127.0.0.1"


class Cluster:
    """Where attempts run. It is made at the first :meth:`start`: that takes seconds, and a page must not.

    Parameters
    ----------
    settings
        What the operator said.

    Raises
    ------
    ConfigError
        If there is no such class of clusters.
    """

    def __init__(self, settings: RunningSettings) -> None:
        self._settings = settings
        # Imported in the main thread: that of dask_jobqueue listens to signals.
        self._class = None if settings.cluster is None else _class(str(settings.cluster.get("class", "")))
        self._client: Client | None = None
        self._made: Any = None

    def start(self) -> None:
        """Connect, where that has not been done or the scheduler has gone.

        Raises
        ------
        ResourceError
            If the scheduler does not answer, or a cluster cannot be made.
        """
        if self._client is not None and self._client.status in ("running", "connecting"):
            return
        self.close()
        from distributed import Client

        logging.getLogger("distributed").setLevel(
            logging.ERROR
        )  # what goes wrong is told by whoever is served

        from .warming import Warming

        address = self._settings.scheduler
        if address is None:
            self._made = self._make()
        try:
            self._client = Client(address or self._made, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ResourceError(
                f"There is no Dask scheduler at {address}: {error}.",
                fix="Start one (dask scheduler), or set running.scheduler to null.",
            ) from error
        self._client.register_plugin(Warming(tuple(self._settings.environment)))

    @property
    def capacity(self) -> int:
        """How many jobs can run at once."""
        if self._made is not None:
            return self._settings.workers
        return sum(self._client.nthreads().values()) if self._client is not None else 0

    def could_run(self, needs: Mapping[str, float]) -> bool:
        """Whether some worker offers as much as a job needs; one that a batch system would start may."""
        if self._client is None or not needs:
            return self._client is not None
        if self._settings.cluster is not None:
            return True
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return any(
            all(worker["resources"].get(name, 0) >= number for name, number in needs.items())
            for worker in workers
        )

    def submit(self, attempt: Attempt, needs: Mapping[str, float]) -> Future[Any]:
        """Have an attempt run on a worker."""
        from .worker import run

        assert self._client is not None
        key = f"{attempt.kind}-{attempt.job}-{attempt.number}"
        return self._client.submit(run, attempt, key=key, resources=dict(needs), pure=False)

    def close(self) -> None:
        """Leave the cluster, and end it if it was made here."""
        for part in (self._client, self._made):
            if part is not None:
                with suppress(OSError, TimeoutError):
                    part.close()
        self._client = self._made = None

    def _make(self) -> Any:
        if self._settings.cluster is None or self._class is None:
            return _local(self._settings.workers, self._settings.gpus)
        made = self._class(
            **{name: value for name, value in self._settings.cluster.items() if name != "class"}
        )
        made.adapt(minimum=0, maximum=self._settings.workers)
        return made


def _local(workers: int, gpus: int) -> Any:
    """Workers on this machine. Nobody else on it can talk to them, and they serve no pages of their own."""
    import dask.config
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.security import Security

    security = Security.temporary()
    without_pages: dict[str, list[str]] = {
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    common = {"host": LOCAL, "dashboard": False, "dashboard_address": f"{LOCAL}:0", "security": security}
    spec = {}
    for number in range(workers):
        own = {"GPU": 1} if number < gpus else {}
        seen = {"CUDA_VISIBLE_DEVICES": str(number) if own else ""} if gpus else {}
        options = {"nthreads": 1, "memory_limit": 0, "resources": own, "env": seen, "config": without_pages}
        spec[number] = {"cls": Nanny, "options": {**common, **options, "silence_logs": logging.ERROR}}
    listening = {**common, "port": 0, "protocol": "tls://"}
    with dask.config.set(without_pages):
        return SpecCluster(
            workers=spec,
            scheduler={"cls": Scheduler, "options": listening},
            security=security,
            silence_logs=logging.ERROR,
            name="anemoi",
        )


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"running.cluster: there is no class {path!r}: {error}.",
            fix="Write {class: dask_jobqueue.SLURMCluster, ...}, and install its package.",
        ) from error
