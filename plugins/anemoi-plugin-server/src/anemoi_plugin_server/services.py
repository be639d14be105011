"""The parts of a server that its routes, its pages and its workers share."""

from __future__ import annotations

from dataclasses import dataclass

from .offers import Offers
from .operations.observing import ObservedJobs
from .operations.readiness import Readiness
from .operations.telemetry import Telemetry
from .records import Database, JobRecords, ScheduleRecords, SessionRecords, UserRecords
from .settings import Settings


@dataclass(frozen=True)
class Services:
    """What a running server consists of.

    Parameters
    ----------
    settings
        What the operator said.
    database
        Where the records are.
    jobs
        The records of jobs.
    schedules
        The records of schedules.
    offers
        What jobs may name.
    users, sessions
        Who may log in, and who has.
    telemetry, readiness
        What is measured, and whether jobs can be taken.
    """

    settings: Settings
    database: Database
    jobs: JobRecords
    schedules: ScheduleRecords
    offers: Offers
    users: UserRecords
    sessions: SessionRecords
    telemetry: Telemetry
    readiness: Readiness

    @classmethod
    def of(cls, settings: Settings) -> Services:
        """Make the data directory where it is not there yet, and open the database.

        Raises
        ------
        ResourceError
            If the database cannot be opened.
        """
        if not settings.place.exists():
            settings.place.mkdir(mode=0o700, parents=True)  # it holds what users keep to themselves
        for name in ("models", "work", "results"):
            (settings.place / name).mkdir(parents=True, exist_ok=True)
        database = Database(settings.database_url)
        telemetry, readiness = Telemetry(), Readiness(settings, database)
        jobs = ObservedJobs(database, telemetry)
        telemetry.watch(jobs, readiness.room)
        return cls(
            settings=settings,
            database=database,
            jobs=jobs,
            schedules=ScheduleRecords(database),
            offers=Offers.of(settings),
            users=UserRecords(database),
            sessions=SessionRecords(database),
            telemetry=telemetry,
            readiness=readiness,
        )
