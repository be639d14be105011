"""What a server counts and measures, in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anemoi.core.errors import AnemoiError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from ..records import JobRecords

SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""The bounds of how long jobs wait and run."""


class Telemetry:
    """The metrics of one server process. Of several over one database, each counts what it does itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "anemoi_http_request_seconds",
            "How long answers took, until their last byte.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.submitted = Counter(
            "anemoi_jobs_submitted", "Jobs put in the queue.", ["kind"], registry=self.registry
        )
        self.waited = Histogram(
            "anemoi_job_queue_seconds",
            "How long jobs waited for a worker.",
            ["kind"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.took = Histogram(
            "anemoi_job_seconds",
            "How long jobs took, from their first attempt to their end.",
            ["kind", "state"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.requeued = Counter(
            "anemoi_jobs_requeued",
            "Jobs put back into the queue, by a lost worker or the end of a server.",
            ["kind"],
            registry=self.registry,
        )
        self.free = Gauge(
            "anemoi_data_free_bytes", "Room on the disk of the data directory.", registry=self.registry
        )
        self.workers = Gauge("anemoi_workers", "How many jobs can run at once.", registry=self.registry)

    def watch(self, jobs: JobRecords, free: Callable[[], float]) -> None:
        """Tell how many jobs are in each state, and how much room there is, whenever somebody asks."""
        self.registry.register(_JobsByState(jobs))
        self.free.set_function(free)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class _JobsByState:
    """Counts in the database: the same from every server over it."""

    def __init__(self, jobs: JobRecords) -> None:
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("anemoi_jobs", "Jobs in each state.", labels=["state"])
        try:
            for state, number in self._jobs.counts().items():
                family.add_metric([state.value], number)
        except AnemoiError:
            return []  # a database that is away costs the other metrics nothing
        return [family]

    def describe(self) -> Iterable[Metric]:
        return []
