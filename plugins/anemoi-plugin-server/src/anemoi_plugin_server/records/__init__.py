"""The database: what must outlive the process, behind small classes that know SQL alone."""

from .engine import Database
from .jobs import ENDED, JobRecord, JobRecords, State

__all__ = ["ENDED", "Database", "JobRecord", "JobRecords", "State"]
