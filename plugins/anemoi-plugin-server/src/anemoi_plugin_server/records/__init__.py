"""The database: what must outlive the process, behind small classes that know SQL alone."""

from .engine import Database
from .jobs import JobRecord, JobRecords, State
from .leases import Lease

__all__ = ["Database", "JobRecord", "JobRecords", "Lease", "State"]
