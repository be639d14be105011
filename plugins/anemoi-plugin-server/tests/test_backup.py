"""A copy of a server holds all of it at one moment, and a damaged one is not restored."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from anemoi.core.errors import DataError, RequestError, ResourceError
from click.testing import CliRunner

from anemoi_plugin_server.access.roles import Role
from anemoi_plugin_server.commands.server import command
from anemoi_plugin_server.operations.backup import backup, restore
from anemoi_plugin_server.records import Database, State
from anemoi_plugin_server.results.shelf import Shelf
from anemoi_plugin_server.services import Services


@pytest.fixture
def filled(services, tmp_path):
    """A server with a model, a user, and a finished, a running and a waiting job."""
    (services.offers.models / "tiny.safetensors").write_bytes(b"weights")
    services.users.put("ada", Role.RUN)
    made = tmp_path / "made"
    (made / "forecast.zarr").mkdir(parents=True)
    (made / "forecast.zarr/0.0").write_bytes(b"chunk" * 1000)
    (made / "report.html").write_text("report")
    kept = Shelf(services.offers.results).keep(made, kind="forecast")
    for _ in range(3):
        services.jobs.submit("forecast", {}, owner="ada")
    finished, running = services.jobs.claim("w"), services.jobs.claim("w")
    services.jobs.end(finished, State.FINISHED, result=kept.digest, size=kept.size)
    for job in (finished, running):
        (services.settings.place / "work" / job.id).mkdir()
        (services.settings.place / "work" / job.id / "stdout").write_text(job.id)
    return services, finished, running


def tree(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_server_is_restored_as_it_was(filled, tmp_path):
    services, finished, running = filled
    cookie = services.sessions.begin("ada", lifetime=3600)
    token = services.users.issue("ada")[1]
    copied = backup(services.settings, tmp_path / "backup")
    assert (copied.database, copied.damaged, len(copied.results)) == (True, [], 1)
    jobs = services.jobs.list()
    restore(tmp_path / "backup", tmp_path / "again")
    again = Services.of(replace(services.settings, directory=str(tmp_path / "again")))
    assert again.jobs.list() == jobs
    assert again.users.verify(token)[0].name == "ada"
    assert again.sessions.find(cookie) is None  # a browser logs in anew
    for name in ("models", "results"):
        assert tree(tmp_path / "again" / name) == tree(services.settings.place / name)
    assert tree(tmp_path / "again/work") == {f"{finished.id}/stdout": finished.id.encode()}
    assert (tmp_path / "again").stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    again.database.close()
    assert again.jobs.requeue(running)  # it begins anew


def test_a_copy_is_of_one_moment_whoever_writes(filled, tmp_path):
    """Each finished job of a copy has its result in it."""
    services, *_ = filled
    over = threading.Event()
    made = tmp_path / "more"
    made.mkdir()

    def work():
        for number in range(1000):
            if over.is_set():
                return
            (made / "file").unlink(missing_ok=True)  # the shelf has it under another name
            (made / "file").write_text(str(number))
            services.jobs.submit("forecast", {"number": number}, owner="ada")
            job = services.jobs.claim("w")
            kept = Shelf(services.offers.results).keep(made, kind="forecast")
            services.jobs.end(job, State.FINISHED, result=kept.digest)

    working = threading.Thread(target=work)
    working.start()
    try:
        copies = [backup(services.settings, tmp_path / f"backup-{number}") for number in range(3)]
    finally:
        over.set()
        working.join()
    for number, copied in enumerate(copies):
        database = Database(f"sqlite:///{tmp_path / f'backup-{number}' / 'server.sqlite'}")
        with sqlite3.connect(tmp_path / f"backup-{number}" / "server.sqlite") as connection:
            named = {row[0] for row in connection.execute("SELECT result FROM jobs WHERE state = 'finished'")}
        database.close()
        assert named <= set(copied.results)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "pattern", ["server.sqlite", "models/*", "results/*/files/forecast.zarr/0.0", "work/*/stdout"]
)
@pytest.mark.parametrize("how", [damage, Path.unlink])
def test_a_damaged_copy_is_not_restored_and_leaves_nothing(filled, tmp_path, pattern, how):
    services, *_ = filled
    backup(services.settings, tmp_path / "backup")
    how(next((tmp_path / "backup").glob(pattern)))
    with pytest.raises(DataError, match=r"damaged|missing"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "made", "server"]


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "models/../../outside"])
def test_a_copy_that_names_files_elsewhere_is_not_restored(filled, tmp_path, name):
    services, *_ = filled
    backup(services.settings, tmp_path / "backup")
    (tmp_path / "outside").write_text("mine")
    index = json.loads((tmp_path / "backup/backup.json").read_text())
    index["files"][-1]["path"] = name
    (tmp_path / "backup/backup.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="none of its files"):
        restore(tmp_path / "backup", tmp_path / "deep/again")
    assert (tmp_path / "outside").read_text() == "mine"


def test_nothing_is_written_over(filled, tmp_path):
    services, *_ = filled
    backup(services.settings, tmp_path / "backup")
    with pytest.raises(RequestError, match="already"):
        backup(services.settings, tmp_path / "backup")
    before = tree(services.settings.place)
    with pytest.raises(RequestError, match="already"):
        restore(tmp_path / "backup", services.settings.place)
    assert tree(services.settings.place) == before
    with pytest.raises(RequestError, match="no backup"):
        restore(tmp_path / "made", tmp_path / "again")
    with pytest.raises(RequestError, match="no data directory"):
        backup(replace(services.settings, directory=str(tmp_path / "none")), tmp_path / "other")
    with pytest.raises(DataError, match="cannot be written"):
        backup(services.settings, tmp_path / "made/report.html/backup")


def test_a_damaged_result_is_told_of_and_the_rest_is_copied(filled, tmp_path):
    services, *_ = filled
    damage(next(services.offers.results.glob("*/files/report.html")))
    run = CliRunner().invoke(
        command, ["backup", str(tmp_path / "backup"), "--data", services.settings.directory]
    )
    assert isinstance(run.exception, DataError)
    assert "report.html is damaged" in str(run.exception)
    restore(tmp_path / "backup", tmp_path / "again")
    assert (tmp_path / "again/models/tiny.safetensors").read_bytes() == b"weights"


def test_the_command_makes_both_and_says_what_is_elsewhere(filled, tmp_path):
    services, *_ = filled
    run = CliRunner().invoke(command, ["backup", str(tmp_path / "b"), "--data", services.settings.directory])
    assert run.exit_code == 0
    run = CliRunner().invoke(command, ["restore", str(tmp_path / "b"), "--data", str(tmp_path / "again")])
    assert "1 results, all as they were" in run.stdout
    elsewhere = replace(services.settings, database="postgresql+psycopg://host/name")
    assert backup(elsewhere, tmp_path / "c").database is False
    assert not (tmp_path / "c/server.sqlite").exists()


def test_a_disk_that_fills_leaves_no_half_copy(filled, tmp_path, monkeypatch):
    services, *_ = filled

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ResourceError, match="No space left"):
        backup(services.settings, tmp_path / "backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "server"]
