"""Puts a data set as it is into another container: a directory into a zip file, or back."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anemoi.core.errors import DataError
from anemoi.core.files import hidden_beside, put_in_place, remove

from .dataset import Dataset
from .limits import check_bytes
from .placing import check_replaceable, check_suffix, unwritable


def convert(
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Copy the data set at ``source`` to ``target``, a zip file where its name ends so, else a directory.

    Every chunk stays byte for byte what it is. The copy takes its name when all of it is there.

    Raises
    ------
    DataError
        If ``source`` is no data set, or ``target`` cannot be written or is not to be overwritten.
    """
    target = target.expanduser().absolute()
    check_suffix(target, "convert", ".zarr", ".zip")
    Dataset(str(source))
    check_replaceable(target, overwrite)
    partial = hidden_beside(target)
    try:
        partial.mkdir()
        content = partial / target.name  # whose ending says which container it is
        if source.is_dir():
            files = sorted(path for path in source.rglob("*") if path.is_file())
            names = [path.relative_to(source).as_posix() for path in files]

            def read(name: str) -> bytes:
                return (source / name).read_bytes()

        else:
            archive = zipfile.ZipFile(source)
            names = [name for name in archive.namelist() if not name.endswith("/")]
            sizes = {each.filename: each.file_size for each in archive.infolist()}

            def read(name: str) -> bytes:
                check_bytes(str(source), name, sizes[name])
                return archive.read(name)

        with _into_zip(content) if target.suffix == ".zip" else _into_directory(content) as put:
            for done, name in enumerate(names, 1):
                put(name, read(name))
                progress(done, len(names))
        Dataset(str(content))
        check_replaceable(target, overwrite)
        put_in_place(content, target)
    except OSError as error:
        raise unwritable(target, error) from error
    except zipfile.BadZipFile as error:
        raise DataError(f"{source} is damaged: {error}.", fix="Copy or make it again.") from error
    finally:
        remove(partial)
    return target


Put = Callable[[str, bytes], None]


@contextmanager
def _into_zip(path: Path) -> Iterator[Put]:
    # Chunks are compressed already.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        yield archive.writestr


@contextmanager
def _into_directory(path: Path) -> Iterator[Put]:
    def put(name: str, content: bytes) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)

    yield put
