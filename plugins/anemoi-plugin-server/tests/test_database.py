"""A database that is locked, full, gone or new: told as such, and nothing that was accepted is lost."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from anemoi.core.errors import ResourceError
from sqlalchemy import event, select

from anemoi_plugin_server.records import (
    Database,
    JobRecords,
    ScheduleRecords,
    State,
    engine,
    tables,
    versions,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "server.sqlite"


@pytest.fixture
def sqlite(path, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 0.1)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def submit(jobs, text=""):
    return jobs.submit("forecast", {"text": text}, owner="me").id


def test_a_database_that_is_locked(sqlite, path):
    jobs = JobRecords(sqlite)
    first = submit(jobs)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ResourceError, match="locked"):
        submit(jobs)
    assert [job.id for job in jobs.list()] == [first]
    other.execute("ROLLBACK")
    second = submit(jobs)
    assert [job.id for job in jobs.list()] == [second, first]
    other.close()


def test_a_disk_that_fills(sqlite):
    jobs = JobRecords(sqlite)
    accepted = [submit(jobs)]
    sqlite.close()  # so that the next connection has the limit

    def limit(connection, _):
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count={pages + 8}")

    event.listen(sqlite.engine, "connect", limit)
    with pytest.raises(ResourceError, match="full"):
        accepted.extend(submit(jobs, "x" * 1000) for _ in range(1000))
    assert [job.id for job in jobs.list(limit=1000)] == accepted[::-1]
    event.remove(sqlite.engine, "connect", limit)
    sqlite.close()
    submit(jobs)


def test_a_server_of_databases_that_goes_away_and_comes_back(postgresql):
    url = postgresql.make()
    name = url.partition("@/")[2].partition("?")[0]
    database = Database(url)
    jobs = JobRecords(database)
    first = submit(jobs)
    postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    second = submit(jobs)  # over a new connection
    postgresql.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgresql.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(ResourceError, match="not currently accepting connections"):
        submit(jobs)
    postgresql.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert [job.id for job in jobs.list()] == [second, first]
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_servers_that_begin_at_once_with_a_new_database(request, path, kind):
    url = f"sqlite:///{path}" if kind == "sqlite" else request.getfixturevalue("postgresql").make()
    with ThreadPoolExecutor(4) as threads:
        databases = list(threads.map(Database, [url] * 4))
    submit(JobRecords(databases[0]))
    assert len(JobRecords(databases[3]).list()) == 1
    for each in databases:
        each.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request, path):
    """The URL of a database as it was before it told its version, with a job and a schedule."""
    script = Path(__file__).with_name("databases").joinpath("version-1.sql").read_text()
    if request.param == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        return f"sqlite:///{path}"
    url = request.getfixturevalue("postgresql").make()
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(script)
    return url


ADDED = ("ALTER TABLE jobs ADD COLUMN colour VARCHAR(16)", "UPDATE jobs SET colour = 'red'")
"""What a next version might add."""


def column(database, name):
    with database.reading() as connection:
        return [dict(row._mapping)[name] for row in connection.exec_driver_sql("SELECT * FROM jobs")]


def version(database):
    with database.reading() as connection:
        return connection.execute(select(tables.versions.c.version)).scalars().all()


def test_a_database_that_does_not_tell_its_version_is_used(older):
    for _ in range(2):
        database = Database(older)
        [job] = JobRecords(database).list()
        assert (job.owner, job.options, job.state) == ("ada", {"model": "tiny"}, State.QUEUED)
        [schedule] = ScheduleRecords(database).list()
        assert len(ScheduleRecords(database).runs(schedule.id)) == 1
        assert JobRecords(database).claim("worker" if job.worker else "first").id == job.id
        JobRecords(database).requeue(JobRecords(database).list()[0])
        assert version(database) == [1]
        database.close()


def test_a_database_of_a_version_before_gets_what_it_lacks_once(older, monkeypatch):
    monkeypatch.setattr(versions, "STEPS", (ADDED, ("UPDATE jobs SET owner = 'eve'",)))
    with ThreadPoolExecutor(4) as threads:
        databases = list(threads.map(Database, [older] * 4))
    for database in databases:
        assert (column(database, "colour"), column(database, "owner")) == (["red"], ["eve"])
        assert version(database) == [3]
        database.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(older, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(versions, "STEPS", (ADDED, ("UPDATE nothing SET a = 1",)))
        with pytest.raises(ResourceError, match="nothing"):
            Database(older)
    database = Database(older)
    assert version(database) == [1]
    with pytest.raises(KeyError):
        column(database, "colour")
    database.close()


def test_a_database_of_a_newer_version_is_left_alone(older):
    database = Database(older)
    with database.writing() as connection:
        connection.execute(tables.versions.update().values(version=9))
    database.close()
    with pytest.raises(ResourceError, match="of version 9, and this server knows those up to 1") as refused:
        Database(older)
    assert "Install the anemoi-plugin-server that wrote it" in refused.value.fix


def test_a_database_of_no_version_says_what_it_lacks(older):
    database = Database(older)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE versions")
        connection.exec_driver_sql("ALTER TABLE jobs DROP COLUMN losses")
    database.close()
    with pytest.raises(ResourceError, match=r"it has no jobs\.losses\."):
        Database(older)


def test_a_host_where_there_is_no_database():
    with pytest.raises(ResourceError, match="cannot be used"):
        Database("postgresql+psycopg://me:word@127.0.0.1:1/name")
