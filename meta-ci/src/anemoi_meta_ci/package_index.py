"""Releases on a package index: the newest of a range, its wheel, and the tests in its sdist."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import AbsentError, NoWheelError
from .said import cause, one_line
from .uv import SECONDS, UvError, too_slow, uv


@dataclass(frozen=True)
class Release:
    """What an index has of one version.

    Parameters
    ----------
    folder
        Where it is kept, by version and hashes.
    wheel
        The file; None if there is only an sdist.
    source
        The unpacked sdist; None if there is none.
    """

    folder: Path
    wheel: Path | None
    source: Path | None


class PackageIndex:
    """Takes releases from the indexes of a matrix, and from wherever pip and uv are configured to look.

    Parameters
    ----------
    folder
        Where releases are kept.
    urls
        Indexes that pip is to ask too; uv has them from the configuration in the folder.
    silence
        That another one gives no answer, in which every release may be.
    """

    def __init__(self, folder: Path, urls: Sequence[str], silence: str = "") -> None:
        self.folder, self.urls, self.silence = folder, urls, silence

    def release(self, name: str, specifier: str) -> Release:
        """The newest release in a range, as the index has it now.

        Raises
        ------
        AbsentError
            If there is none in the range.
        NoWheelError
            If the index cannot be read, or serves what is not a release.
        """
        if self.silence:
            raise NoWheelError(self.silence)
        pinned = self._newest(name, specifier)
        version = pinned.split()[0].partition("==")[2]
        content = hashlib.sha256(pinned.encode()).hexdigest()[:16]
        folder = self.folder / "index" / f"{name}-{version}-{content}"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                self._download(pinned, Path(temporary) / "release")
                (Path(temporary) / "release").rename(folder)
        wheels, sources = sorted(folder.glob("*.whl")), sorted((folder / "source").glob("*/"))
        return Release(folder, wheels[0] if wheels else None, sources[0] if sources else None)

    def _newest(self, name: str, specifier: str) -> str:
        """The release as a line of requirements, with the hashes of its files where the index has them."""
        with tempfile.TemporaryDirectory() as temporary:
            wanted = Path(temporary) / "wanted.in"
            wanted.write_text(name + specifier, encoding="utf-8")
            words = ["--no-deps", "--no-header", "--no-annotate", "--quiet", "--generate-hashes"]
            words += ["--python", sys.executable, "--refresh-package", name]
            try:
                pinned = uv("pip", "compile", wanted, *words, directory=self.folder)
            except UvError as error:
                said = one_line(str(error))
                if "No solution found" in said:
                    raise AbsentError(f"not found in the index: {name}{specifier} ({said})") from None
                raise NoWheelError(f"the index gives no {name}{specifier}: {said}", str(error)) from None
        return pinned.replace("\\\n", " ").strip()

    def _download(self, pinned: str, folder: Path) -> None:
        """The wheel of a release, if it has one, and its sdist, if it has one, unpacked."""
        wanted = folder / "wanted.txt"
        folder.mkdir()
        wanted.write_text(pinned + "\n", encoding="utf-8")
        name = re.split("==", pinned)[0]
        said = self._pip(folder, wanted)
        files = [path for path in folder.iterdir() if path != wanted]
        if not files:
            raise NoWheelError(f"the index serves a broken release: {cause(said)}", said)
        if files[0].suffix == ".whl":
            self._pip(folder, wanted, "--no-binary", name)
        for sdist in (path for path in folder.iterdir() if path.name.endswith((".tar.gz", ".zip"))):
            _unpack(sdist, folder / "source")

    def _pip(self, folder: Path, wanted: Path, *words: str) -> str:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        command += [word for url in self.urls for word in ("--extra-index-url", url)]
        command += [*words, "-r", str(wanted)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise NoWheelError(too_slow("pip", SECONDS)) from None
        return done.stderr


def _unpack(sdist: Path, folder: Path) -> None:
    try:
        shutil.unpack_archive(sdist, folder, filter="data")
    except (OSError, ValueError, shutil.ReadError) as error:
        raise NoWheelError(f"the index serves a broken sdist: {sdist.name}: {error}") from None
