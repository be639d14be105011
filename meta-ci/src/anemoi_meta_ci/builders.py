"""Environments that wheels are built in, one for all distributions that are built with the same tools."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import weakref
from pathlib import Path

from build import BuildBackendException, BuildException, ProjectBuilder
from pyproject_hooks import quiet_subprocess_runner

from .uv import uv


class Builders:
    """Builds wheels; an environment is made for each set of build requirements, not for each project.

    The environments are gone when this is.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self._pythons: dict[frozenset[str], Path] = {}
        self._making = threading.Lock()
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def build(self, project: Path, output: Path) -> None:
        """Build the wheel of a project into a folder.

        Raises
        ------
        UvError
            If it does not build.
        """
        try:
            python = self._python(frozenset(ProjectBuilder(project).build_system_requires))
            ProjectBuilder(project, str(python), quiet_subprocess_runner).build("wheel", output)
        except (BuildException, BuildBackendException):  # It may want more tools than it names: uv asks it.
            uv("build", "--wheel", "--quiet", "--python", sys.executable, "--out-dir", output, project)

    def _python(self, requirements: frozenset[str]) -> Path:
        with self._making:
            if requirements not in self._pythons:
                environment = self.folder / str(len(self._pythons))
                uv("venv", "--quiet", "--python", sys.executable, environment)
                python = environment / "bin" / "python"
                words = ("--quiet", "--compile-bytecode", "--python", python)
                uv("pip", "install", *words, *sorted(requirements))
                self._pythons[requirements] = python
            return self._pythons[requirements]
