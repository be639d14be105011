"""The parts of a server that its routes, its pages and its workers share."""

from __future__ import annotations

from dataclasses import dataclass

from .offers import Offers
from .records import Database, JobRecords, SessionRecords, UserRecords
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
    offers
        What jobs may name.
    users, sessions
        Who may log in, and who has.
    """

    settings: Settings
    database: Database
    jobs: JobRecords
    offers: Offers
    users: UserRecords
    sessions: SessionRecords

    @classmethod
    def of(cls, settings: Settings) -> Services:
        """Make the data directory where it is not there yet, and open the database.

        Raises
        ------
        ResourceError
            If the database cannot be opened.
        """
        for name in ("models", "work", "results"):
            (settings.place / name).mkdir(parents=True, exist_ok=True)
        database = Database(settings.database_url)
        return cls(
            settings=settings,
            database=database,
            jobs=JobRecords(database),
            offers=Offers.of(settings),
            users=UserRecords(database),
            sessions=SessionRecords(database),
        )
