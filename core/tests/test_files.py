import os
import stat
from contextlib import suppress

import pytest

from anemoi.core import files
from anemoi.core.files import appearing, hidden_beside, leftovers, put_in_place, write_whole


def test_a_file_has_all_parts_and_nothing_is_left_beside_it(tmp_path):
    write_whole(tmp_path / "a.bin", b"one ", memoryview(b"two"), durable=True)
    assert (tmp_path / "a.bin").read_bytes() == b"one two"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_is_readable_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_whole(path, b"new", "not bytes")
    with suppress(KeyboardInterrupt), appearing(path) as partial:
        partial.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_does_not_replace_a_directory(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").touch()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "a", b"x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine"]


def test_a_directory_replaces_what_has_its_name(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"a file")
    for content in ("one", "two"):
        with appearing(path) as partial:
            partial.mkdir()
            (partial / content).touch()
        assert sorted(each.name for each in tmp_path.rglob("*")) == ["a", content]


def test_a_directory_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    (path / "old").touch()
    with suppress(ZeroDivisionError), appearing(path) as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise ZeroDivisionError
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["a", "old"]


def test_an_old_directory_comes_back_where_the_new_one_cannot_be_renamed(tmp_path, monkeypatch):
    path, partial = tmp_path / "a", tmp_path / "b"
    for each in (path, partial):
        each.mkdir()
    (path / "old").touch()
    rename = type(path).rename

    def refuse(self, target):
        if self == partial:
            raise OSError("refused")
        return rename(self, target)

    monkeypatch.setattr(type(path), "rename", refuse)
    with pytest.raises(OSError, match="refused"):
        put_in_place(partial, path)
    assert os.listdir(path) == ["old"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_the_bytes_are_on_disk_before_the_name_and_the_name_before_it_returns(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        files.os, "fsync", lambda handle: seen.append((os.fstat(handle).st_mode, path.exists()))
    )
    path = tmp_path / "a"
    write_whole(path, b"x", durable=True)
    assert [(stat.S_ISDIR(mode), named) for mode, named in seen] == [(False, False), (True, True)]
    seen.clear()
    write_whole(path, b"x")
    assert not seen


def test_what_a_killed_writer_left_is_found(tmp_path):
    path = tmp_path / "a[1].db"
    left = hidden_beside(path)
    left.touch()
    journal = left.with_name(f"{left.name}-journal")
    journal.touch()
    for other in (path, tmp_path / ".a1.db.00.partial", hidden_beside(tmp_path / "b")):
        other.touch()
    assert leftovers(path) == [left, journal]
    assert hidden_beside(path) != left
