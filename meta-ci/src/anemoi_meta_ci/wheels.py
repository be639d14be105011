"""Wheels of core and plugins, each built once from what the matrix names."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .builders import Builders
from .errors import MetaCIError
from .matrix import Source
from .uv import UvError

IGNORED = ("__pycache__", "*.egg-info", ".git", ".venv*", "build", "dist", ".*_cache", "*.pyc")


class DoesNotBuildError(Exception):
    """A source of which no wheel can be made, and what the builder said."""


@dataclass(frozen=True)
class Wheel:
    """A built distribution.

    Parameters
    ----------
    path
        The file.
    source
        The folder that it was built from, whose tests are run; None for one from the index.
    """

    path: Path
    source: Path | None

    @functools.cached_property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @functools.cached_property
    def metadata(self) -> Message:
        """Its core metadata."""
        return Parser().parsestr(self._read("METADATA"))

    @functools.cached_property
    def name(self) -> str:
        """Of the distribution, normalised."""
        return canonicalize_name(str(self.metadata["Name"]))

    @property
    def version(self) -> str:
        """Of the distribution."""
        return str(self.metadata["Version"])

    @functools.cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Its ``Requires-Dist``, with markers."""
        return tuple(Requirement(each) for each in self.metadata.get_all("Requires-Dist") or [])

    @property
    def requires_python(self) -> str:
        """The Pythons it is for, as a specifier."""
        return str(self.metadata["Requires-Python"] or "")

    @property
    def has_tests_extra(self) -> bool:
        """Whether it has an extra named ``test``."""
        return "test" in (self.metadata.get_all("Provides-Extra") or [])

    def fits(self, other: Wheel) -> bool:
        """Whether ``other`` meets what it requires of it."""
        return all(
            each.specifier.contains(other.version, prereleases=True)
            for each in self.requirements
            if each.marker is None and canonicalize_name(each.name) == other.name
        )

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that its entry points name."""
        parser = ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self._read("entry_points.txt"))
        values = [value for section in parser.values() for value in section.values()]
        return tuple(sorted({value.split("[")[0].partition(":")[0].strip() for value in values}))

    def _read(self, file: str) -> str:
        with zipfile.ZipFile(self.path) as archive:
            found = [name for name in archive.namelist() if name.endswith(f".dist-info/{file}")]
            return archive.read(found[0]).decode() if found else ""


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
    """

    def __init__(self, root: Path, folder: Path, *, template: Path | None = None) -> None:
        self.root, self.folder, self.template = root, folder, template
        self._built: dict[tuple[str, Source], Wheel | DoesNotBuildError] = {}
        self._building: dict[tuple[str, Source], threading.Lock] = defaultdict(threading.Lock)
        self._fetching = threading.Lock()  # One commit has many sources.
        self._builders = Builders()

    def wheel(self, name: str, source: Source) -> Wheel:
        """The wheel of a distribution.

        Raises
        ------
        DoesNotBuildError
            If none can be made of it.
        MetaCIError
            If the source is not there.
        """
        key = (name, source)
        with self._building[key]:
            if key not in self._built:
                try:
                    self._built[key] = self._wheel(name, source)
                except DoesNotBuildError as error:
                    self._built[key] = error
        found = self._built[key]
        if isinstance(found, DoesNotBuildError):
            raise found
        return found

    def exists(self, name: str, source: Source) -> bool:
        """Whether there is such a distribution at all: one may be younger than an older line."""
        try:
            self._tree(name, source)
        except MetaCIError:
            return False
        return True

    def torch(self, version: str) -> Path:
        """A folder with the build of torch that pip finds here, which uv alone may not see."""
        folder = self.folder / "torch" / version
        if not list(folder.glob("*.whl")):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"torch=={version}"]
            done = subprocess.run(
                [*command, "--dest", str(folder)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise MetaCIError(f"There is no torch {version} here: {done.stderr.strip().splitlines()[-1]}")
        return folder

    def _wheel(self, name: str, source: Source) -> Wheel:
        if source.index is not None:
            return self._from_index(name, source.index)
        tree = self._tree(name, source)
        content = tree_hash(tree)
        folder = self.folder / "wheels" / f"{name}-{content[:16]}"
        built = sorted(folder.glob("*.whl"))
        if not built:
            with tempfile.TemporaryDirectory() as temporary:
                copy = Path(temporary) / "source"
                shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(*IGNORED))
                try:
                    self._builders.build(copy, Path(temporary) / "out")
                except UvError as error:
                    raise DoesNotBuildError(str(error)) from None
                folder.mkdir(parents=True, exist_ok=True)
                for path in (Path(temporary) / "out").glob("*.whl"):
                    shutil.move(path, folder / path.name)
            built = sorted(folder.glob("*.whl"))
        return Wheel(built[0], tree)

    def _from_index(self, name: str, specifier: str) -> Wheel:
        folder = self.folder / "index" / hashlib.sha256(f"{name}{specifier}".encode()).hexdigest()[:16]
        if not list(folder.glob("*.whl")):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
            done = subprocess.run([*command, name + specifier], capture_output=True, text=True, check=False)
            if done.returncode:
                raise DoesNotBuildError(done.stderr.strip())
        return Wheel(sorted(folder.glob("*.whl"))[0], None)

    def _tree(self, name: str, source: Source) -> Path:
        if source.path is not None:
            return _existing(self.root / source.path)
        if source.template is not None:
            return self._from_template(name, source.template)
        assert source.git is not None
        assert source.ref is not None
        local = self.root / source.git
        repository = str(local) if local.exists() else source.git
        commit = (
            _git("rev-parse", f"{source.ref}^{{commit}}", directory=local) if local.exists() else source.ref
        )
        folder = self.folder / "sources" / hashlib.sha256(f"{repository} {commit}".encode()).hexdigest()[:16]
        with self._fetching:
            if not folder.exists():
                self._check_out(repository, commit, folder, local=local.exists())
        return _existing(folder / source.subdirectory.format(plugin=name))

    def _check_out(self, repository: str, commit: str, folder: Path, *, local: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            clone = Path(repository)
            if not local:
                clone = Path(temporary) / "clone"
                _git("clone", "--quiet", repository, str(clone))
            archive = Path(temporary) / "tree.tar"
            _git("archive", "--format=tar", "--output", str(archive), commit, directory=clone)
            with tarfile.open(archive) as tar:
                tar.extractall(Path(temporary) / "tree", filter="data")
            folder.parent.mkdir(parents=True, exist_ok=True)
            (Path(temporary) / "tree").rename(folder)

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
                raise MetaCIError(f"{name} cannot be made from the template: {done.stderr.strip()}")
        return _existing(folder / name)


def needs(wheels: Mapping[str, Wheel], *, tests: bool = True) -> dict[str, frozenset[str]]:
    """For each wheel those of the others that it requires, directly or not, its tests included or not."""
    direct = {
        name: {
            canonicalize_name(each.name)
            for each in wheel.requirements
            if each.marker is None or (tests and each.marker.evaluate({"extra": "test"}))
        }
        & set(wheels)
        for name, wheel in wheels.items()
    }

    def closure(name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        for each in direct[name] - seen:
            seen = closure(each, seen | {each})
        return seen

    return {name: closure(name) - {name} for name in wheels}


def tree_hash(tree: Path) -> str:
    """Of all that a wheel and its tests can depend on: the files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(_files(tree)):
        digest.update(json.dumps(str(path.relative_to(tree))).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(tree: Path) -> list[Path]:
    ignore = shutil.ignore_patterns(*IGNORED)
    found: list[Path] = []
    for path in tree.iterdir():
        if path.name in ignore(str(tree), [path.name]):
            continue
        found.extend(_files(path) if path.is_dir() else [path])
    return found


def _existing(folder: Path) -> Path:
    if not (folder / "pyproject.toml").is_file():
        raise MetaCIError(f"There is no distribution in {folder}: no pyproject.toml.", fix="Mend its source.")
    return folder


def _git(*words: str, directory: Path | None = None) -> str:
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MetaCIError(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def commits_between(repository: Path, good: str, bad: str) -> Sequence[str]:
    """The commits after ``good`` up to ``bad``, oldest first."""
    return _git("rev-list", "--reverse", "--first-parent", f"{good}..{bad}", directory=repository).split()
