"""A database that is locked, full, gone or new: told as such, and nothing that was accepted is lost."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from anemoi.core.errors import ResourceError
from sqlalchemy import event

from anemoi_plugin_server.records import Database, JobRecords, engine


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


def test_a_host_where_there_is_no_database():
    with pytest.raises(ResourceError, match="cannot be used"):
        Database("postgresql+psycopg://me:word@127.0.0.1:1/name")
