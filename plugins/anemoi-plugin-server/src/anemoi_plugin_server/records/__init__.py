"""The database: what must outlive the process, behind small classes that know SQL alone."""

from .engine import Database
from .jobs import ENDED, JobRecord, JobRecords, State
from .leases import Lease
from .sessions import Login, SessionRecords
from .users import TokenRecord, UserRecord, UserRecords

__all__ = [
    "ENDED",
    "Database",
    "JobRecord",
    "JobRecords",
    "Lease",
    "Login",
    "SessionRecords",
    "State",
    "TokenRecord",
    "UserRecord",
    "UserRecords",
]
