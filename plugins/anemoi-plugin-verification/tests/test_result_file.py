from __future__ import annotations

from pathlib import Path

import pytest
from anemoi.core.errors import DataError

from anemoi_plugin_verification.result_file import ResultFile


def everything(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_file_is_written_with_the_directories_it_needs(tmp_path) -> None:
    ResultFile(tmp_path / "a" / "b" / "report.html").write(b"text")
    assert (tmp_path / "a" / "b" / "report.html").read_bytes() == b"text"
    assert everything(tmp_path) == ["a", "a/b", "a/b/report.html"]


def test_what_is_there_is_replaced_only_if_told(tmp_path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(DataError, match="exists") as error:
        ResultFile(path)
    assert "--overwrite" in error.value.fix
    ResultFile(path, overwrite=True).write(b"new")
    assert path.read_text() == "new"
    assert everything(tmp_path) == ["report.html"]


def test_a_file_that_is_to_be_alone_joins_nothing_else(tmp_path) -> None:
    path = tmp_path / "new" / "report.html"
    ResultFile(path, alone=True).write(b"old")
    (path.parent / ".report.html.123.partial").write_text("left by one that was killed")
    with pytest.raises(DataError, match="exists"):
        ResultFile(path, alone=True)
    ResultFile(path, overwrite=True, alone=True).write(b"new")
    assert path.read_text() == "new"
    (path.parent / ".partial").write_text("of somebody else")
    for overwrite in (False, True):
        with pytest.raises(DataError, match=r"new holds something else than a report\.html: \.partial\."):
            ResultFile(path, overwrite=overwrite, alone=True)
    ResultFile(path.parent / "other" / "report.html", alone=True).write(b"text")
    assert path.read_text() == "new"


def test_nothing_is_half_written(tmp_path, monkeypatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    target = ResultFile(path, overwrite=True)

    def full(self: Path, other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="No space left"):
        target.write(b"new")
    assert path.read_text() == "old"
    assert everything(tmp_path) == ["report.html"]


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written: Not a directory"):
        ResultFile(tmp_path / "file" / "report.html")
    with pytest.raises(DataError, match="cannot be written"):
        ResultFile(Path("/proc/report.html"))
    with pytest.raises(DataError, match="is a directory"):
        ResultFile(tmp_path, overwrite=True)
    assert everything(tmp_path) == ["file"]
