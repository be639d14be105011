"""Which files a path means."""

from __future__ import annotations

import glob
from pathlib import Path

from anemoi.core.errors import NotThereError

from .fields import Format


def find_files(path: str, form: Format, index: Path | None) -> list[Path]:
    """List the files that ``path`` means, sorted: a file, those of a pattern, or those within a directory.

    Of a directory, and of those within it, they are the files whose suffix is of the format.

    Raises
    ------
    NotThereError
        If there is none.
    """
    given = Path(path).expanduser()
    if given.is_dir():
        inside = sorted(file for file in given.rglob("*") if file.is_file())
        found = [file for file in inside if file.suffix.lower() in form.suffixes]
        why = (
            f"{path} holds no {form.name} file, that is one with a suffix {', '.join(sorted(form.suffixes))}"
        )
        fix = f"Name the files by a pattern: path={path}/*" if inside else "Give another path."
    elif given.is_file():
        return [given]
    else:
        found = sorted(file for file in map(Path, glob.glob(str(given), recursive=True)) if file.is_file())
        why = f"{path}: there is no such file, directory, or file that it matches as a pattern"
        fix = "Give a file, a directory, or a pattern such as DIR/*.grib."
    found = [file for file in found if file != index]
    if not found:
        raise NotThereError(f"{why}.", fix=fix)
    return found
