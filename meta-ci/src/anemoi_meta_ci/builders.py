"""Environments that wheels are built in, one for all distributions that are built with the same tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from build import BuildBackendException, BuildException, ProjectBuilder

from .uv import EPOCH, UvError, uv


class Builders:
    """Builds wheels; an environment is made for each set of build requirements, not for each project.

    The same files make the same wheel, to the byte, whenever and wherever they are built. The environments
    are gone when this is.

    Parameters
    ----------
    directory
        Where uv is run, for its configuration.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.folder = Path(tempfile.mkdtemp())
        self._pythons: dict[frozenset[str], Path] = {}
        self._making = threading.Lock()
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def build(self, project: Path, output: Path) -> None:
        """Build the wheel of a project into a folder.

        Raises
        ------
        UvError
            If it does not build; with all that the builder said.
        """
        said = _Output()
        try:
            python = self._python(frozenset(ProjectBuilder(project).build_system_requires))
            ProjectBuilder(project, str(python), said.run).build("wheel", output)
        except (BuildException, BuildBackendException) as error:
            # It may want more tools than it names: uv asks it.
            try:
                words = ("--wheel", "--quiet", "--python", sys.executable, "--out-dir", output)
                uv("build", *words, project, directory=self.directory)
            except UvError as again:
                raise UvError(f"{again}\n{said.text or error}") from None

    def _python(self, requirements: frozenset[str]) -> Path:
        with self._making:
            if requirements not in self._pythons:
                environment = self.folder / str(len(self._pythons))
                uv("venv", "--quiet", "--clear", "--python", sys.executable, environment)
                python = environment / "bin" / "python"
                words = ("--quiet", "--compile-bytecode", "--python", python)
                uv("pip", "install", *words, *sorted(requirements), directory=self.directory)
                self._pythons[requirements] = python
            return self._pythons[requirements]


class _Output:
    """Runs the hooks of a build backend, and keeps what they print."""

    def __init__(self) -> None:
        self.text = ""

    def run(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        environment = {"SOURCE_DATE_EPOCH": EPOCH, **os.environ, **(extra_environ or {})}
        done = subprocess.run(
            cmd,
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.text += done.stdout
        done.check_returncode()
