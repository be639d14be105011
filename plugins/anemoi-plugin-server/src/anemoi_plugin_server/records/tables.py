"""The tables. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

METADATA = MetaData()

versions = Table("versions", METADATA, Column("version", Integer, primary_key=True))
"""One row: the version of the tables; see :mod:`.versions`."""

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
    Column("losses", Integer, nullable=False, default=0),
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
    Index("jobs_by_end", "ended"),
)
"""One row for each job; ``attempt`` is what tells the worker that has it from one that had it."""

leases = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(255), nullable=False),
    Column("until", Float, nullable=False),
)
"""Who may do what only one server at a time may do, and until when."""

users = Table(
    "users",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("created", Float, nullable=False),
)
"""The users that an administrator has added."""

tokens = Table(
    "tokens",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("user", String(255), nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("label", String(100), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float),
)
"""What users of a program show instead of a password: the SHA-256 of each alone."""

sessions = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("user", String(255), nullable=False, index=True),
    Column("role", String(16)),
    Column("token", String(16), index=True),
    Column("expires", Float, nullable=False),
)
"""Browsers that are logged in: the SHA-256 of the cookie of each, and its role if a provider gave it."""

logins = Table(
    "logins",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("destination", String(2000), nullable=False),
    Column("expires", Float, nullable=False),
)
"""Browsers that are on their way to a provider of identities and back."""

schedules = Table(
    "schedules",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False, index=True),
    Column("kind", String(64), nullable=False),
    Column("options", JSON, nullable=False),
    Column("cron", String(100), nullable=False),
    Column("patience", Float, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("next", Float, nullable=False),
    Index("schedules_by_next", "enabled", "next"),
)
"""Jobs at set times."""

runs = Table(
    "runs",
    METADATA,
    Column("schedule", String(32), primary_key=True),
    Column("time", Float, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("job", String(32)),
    Column("error", JSON(none_as_null=True)),
    Index("runs_by_state", "state", "time"),
)
"""The times that have come: the primary key lets each come once, however many servers see it."""
