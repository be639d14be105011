"""Makes a wheel of whatever source the matrix names: a folder, a commit, a release, the template."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .between import History, checked_out, label, write_label
from .builders import Builders
from .errors import AbsentError, MetaCIError, NoWheelError
from .matrix import Source
from .package_index import PackageIndex
from .repositories import Repositories
from .said import cause, one_line
from .silences import silences
from .uv import UvError, configure
from .wheels import IGNORED, Wheel, tree_hash


class Wheelhouse:
    """Builds each source once; what is there already is taken as it is.

    Parameters
    ----------
    root
        The folder of the matrix, which sources are relative to.
    folder
        Where wheels and unpacked sources are kept.
    template
        The template that plugins may be made from.
    indexes
        Indexes to look into beside the usual one: addresses, or folders relative to ``root``. One that does
        not answer is left out, and nothing that the matrix takes from an index is given then.

    Attributes
    ----------
    silence
        The sentences on those that do not answer; empty if all do.
    locks
        Where versions are kept that were found in the indexes that do.
    """

    def __init__(
        self, root: Path, folder: Path, *, template: Path | None = None, indexes: Sequence[str] = ()
    ) -> None:
        self.root, self.folder, self.template = root, folder, template
        urls = [index if "://" in index else (root / index).resolve().as_uri() for index in indexes]
        silent = silences(urls)
        urls = [url for url in urls if url not in silent]
        self.silence = "; ".join(silent.values())
        said = configure(folder, urls)
        self.locks = folder / "locks" / hashlib.sha256(said.encode()).hexdigest()[:16]
        self.repositories = Repositories(root, folder)
        self.index = PackageIndex(folder, urls, self.silence)
        self._built: dict[tuple[str, Source], Wheel | NoWheelError] = {}
        self._building: dict[tuple[str, Source], threading.Lock] = defaultdict(threading.Lock)
        self._builders = Builders(folder)

    def wheel(self, name: str, source: Source) -> Wheel:
        """The wheel of a distribution.

        Raises
        ------
        AbsentError
            If the place it should come from does not have it.
        NoWheelError
            If that place cannot be read, or no wheel of this name can be made of what it has.
        """
        key = (name, source)
        with self._building[key]:
            if key not in self._built:
                try:
                    self._built[key] = self._named(name, source)
                except NoWheelError as error:
                    self._built[key] = error
        found = self._built[key]
        if isinstance(found, NoWheelError):
            raise found
        return found

    def torch(self, version: str) -> Path:
        """A folder with the build of torch that pip finds here, which uv alone may not see."""
        folder = self.folder / "torch" / version
        if not list(folder.glob("*.whl")):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"torch=={version}"]
            done = subprocess.run(
                [*command, "--dest", str(folder)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise MetaCIError(f"There is no torch {version} here: {cause(done.stderr)}")
        return folder

    def _named(self, name: str, source: Source) -> Wheel:
        wheel = self._wheel(name, source)
        try:
            actual = wheel.name
        except (zipfile.BadZipFile, IndexError, UnicodeDecodeError) as error:
            raise NoWheelError(f"{wheel.path.name} is a broken wheel: {error}") from None
        if actual != name:
            raise NoWheelError(f"its source makes a distribution that is called {actual}")
        return wheel

    def _wheel(self, name: str, source: Source) -> Wheel:
        if source.index is not None:
            release = self.index.release(name, source.index)
            origin = f"{release.folder.name.rpartition('-')[0]} from the index"
            if release.wheel is not None:
                return Wheel(release.wheel, release.source, origin, from_index=True)
            if release.source is None:
                raise NoWheelError(f"the release {origin} has neither a wheel nor an sdist")
            return Wheel(self._build(name, release.source), release.source, origin)
        if source.git is not None:
            assert source.ref is not None
            repository = source.git.replace("{plugin}", name)
            root = self.repositories.tree(repository, source.ref)
            tree = _existing(root / source.subdirectory.replace("{plugin}", name), repository)
            there = self.repositories.here(repository)
            history = History(there, self.repositories.commit(repository, source.ref), root, tree)
            return Wheel(self._build(name, tree, history), tree, f"commit {history.commit}")
        if source.template is not None:
            tree = self._from_template(name, source.template)
            return Wheel(self._build(name, tree), tree, "made from the template")
        assert source.path is not None
        tree = _existing(self.root / source.path, source.path)
        checkout = checked_out(tree)
        return Wheel(self._build(name, tree, checkout), tree, _origin(checkout))

    def _build(self, name: str, tree: Path, history: History | None = None) -> Path:
        said = "" if history is None else label(history)
        folder = self.folder / "wheels" / "-".join(filter(None, (name, tree_hash(tree)[:16], said)))
        if not (built := sorted(folder.glob("*.whl"))):
            with tempfile.TemporaryDirectory() as temporary:
                copy, out = Path(temporary) / "source", Path(temporary) / "out"
                try:
                    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(*IGNORED))
                    write_label(copy, said)
                    self._builders.build(copy, out)
                except shutil.Error as error:
                    raise NoWheelError(f"its files cannot be read: {one_line(str(error))}") from None
                except UvError as error:
                    reason = f"its wheel does not build: {cause(str(error))}"
                    raise NoWheelError(reason, str(error)) from None
                folder.mkdir(parents=True, exist_ok=True)
                for path in out.glob("*.whl"):
                    shutil.move(path, folder / path.name)
            built = sorted(folder.glob("*.whl"))
        return built[0]

    def _from_template(self, name: str, kind: str) -> Path:
        if self.template is None:
            raise MetaCIError(f"{name} is made from the template, and the matrix names none.")
        folder = self.folder / "made" / f"{name}-{tree_hash(self.template)[:16]}"
        if not (folder / name).exists():
            short = name.removeprefix("anemoi-plugin-")
            command = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(folder)]
            done = subprocess.run(
                [*command, str(self.template), f"name={short}", f"kind={kind}"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                said = done.stderr.strip()
                raise NoWheelError(f"it cannot be made from the template: {cause(said)}", said)
        return _existing(folder / name, "what the template makes")


def _existing(folder: Path, place: str) -> Path:
    if not (folder / "pyproject.toml").is_file():
        where = f"{folder.name} of {place}" if folder.name != Path(place).name else place
        raise AbsentError(f"there is no distribution in {where}: no pyproject.toml")
    return folder


def _origin(checkout: History | None) -> str:
    """The commit that a folder is at, and whether it differs from it."""
    if checkout is None:
        return "a folder that is in no repository"
    return f"commit {checkout.commit}" + (", with changes that are not committed" if checkout.changed else "")
