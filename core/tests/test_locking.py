"""A lock keeps a second one out, says who has it, and ends with its file."""

from __future__ import annotations

import errno
import logging
import os

import pytest

from anemoi.core import locking
from anemoi.core.locking import LockedError, lock


def test_a_second_lock_is_told_who_has_the_first(tmp_path):
    first = lock(tmp_path / "it")
    with pytest.raises(LockedError, match=f"process {os.getpid()} on "):
        lock(tmp_path / "it")
    first.close()
    lock(tmp_path / "it").close()


def test_a_holder_that_has_not_written_yet_is_told_as_that(tmp_path):
    first = lock(tmp_path / "it")
    os.truncate(tmp_path / "it", 0)
    with pytest.raises(LockedError, match="just begun"):
        lock(tmp_path / "it")
    first.close()


@pytest.mark.parametrize("absent", ["in the system", "in the file system"])
def test_without_locks_nobody_is_kept_out_and_the_log_says_so(absent, tmp_path, monkeypatch, caplog):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    if absent == "in the system":
        monkeypatch.setattr(locking, "fcntl", None)
    else:
        monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with caplog.at_level(logging.WARNING, "anemoi"):
        files = [lock(tmp_path / "it"), lock(tmp_path / "it")]
    assert len(caplog.records) == 2
    assert str(tmp_path) in caplog.text
    for file in files:
        file.close()
