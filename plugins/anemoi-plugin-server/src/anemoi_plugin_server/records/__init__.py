"""The database: what must outlive the process, behind small classes that know SQL alone."""

from .engine import Database
from .jobs import ENDED, JobRecord, JobRecords, State
from .leases import Lease
from .schedules import RunRecord, RunState, ScheduleRecord, ScheduleRecords
from .sessions import Login, SessionRecords
from .users import TokenRecord, UserRecord, UserRecords

__all__ = [
    "ENDED",
    "Database",
    "JobRecord",
    "JobRecords",
    "Lease",
    "Login",
    "RunRecord",
    "RunState",
    "ScheduleRecord",
    "ScheduleRecords",
    "SessionRecords",
    "State",
    "TokenRecord",
    "UserRecord",
    "UserRecords",
]
