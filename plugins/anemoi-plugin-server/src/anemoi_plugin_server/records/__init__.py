"""The database: what must outlive the process, behind small classes that know SQL alone."""

from .engine import Database
from .jobs import JobRecord, JobRecords, State
from .sessions import Login, SessionRecords
from .users import TokenRecord, UserRecord, UserRecords

__all__ = [
    "Database",
    "JobRecord",
    "JobRecords",
    "Login",
    "SessionRecords",
    "State",
    "TokenRecord",
    "UserRecord",
    "UserRecords",
]
