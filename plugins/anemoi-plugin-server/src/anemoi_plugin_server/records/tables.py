"""The tables. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

METADATA = MetaData()

jobs = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("options", JSON, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("schedule", String(32)),
    Column("request", String(64)),
    Column("state", String(16), nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("worker", String(255)),
    Column("attempt", Integer, nullable=False, default=0),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("cancelling", Boolean, nullable=False, default=False),
    Column("error", JSON(none_as_null=True)),
    Column("result", String(64)),
    Column("size", BigInteger, nullable=False, default=0),
    Column("revision", Integer, nullable=False, default=0),
    Index("jobs_by_time", "created", "id"),
    Index("jobs_by_state", "state", "created", "id"),
    Index("jobs_by_owner", "owner", "created", "id"),
    Index("jobs_by_owner_and_state", "owner", "state", "created", "id"),
    Index("jobs_by_result", "result"),
)
"""One row for each job; ``attempt`` is what tells the worker that has it from one that had it."""
