"""A folder of invented distributions, to put on the path of Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Site:
    path: Path
    home: Path

    def add(
        self,
        distribution: str,
        entry_points: Mapping[str, Mapping[str, str]] | str = "",
        *,
        version: str = "1.0",
        requires: Sequence[str] = ("anemoi-core>=0.2,<0.3",),
        headers: Sequence[str] = (),
        modules: Mapping[str, str] | None = None,
        metadata: bool = True,
    ) -> None:
        """Write the metadata folder of a distribution, and its modules."""
        folder = self.path / f"{distribution.replace('-', '_')}-{version.replace('/', '_')}.dist-info"
        folder.mkdir(parents=True)
        if metadata:
            lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", *headers]
            lines += [f"Requires-Dist: {requirement}" for requirement in requires]
            (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if not isinstance(entry_points, str):
            entry_points = "\n".join(
                f"[anemoi.core.{group}]\n" + "\n".join(f"{name} = {value}" for name, value in named.items())
                for group, named in entry_points.items()
            )
        if entry_points:
            (folder / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        for name, source in (modules or {}).items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python code with the invented distributions on the path."""
        return self._run([sys.executable, "-c", code], environment)

    def anemoi(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line with the invented distributions on the path."""
        code = "import sys; from anemoi.core.cli import main; sys.exit(main())"
        return self._run([sys.executable, "-c", code, *arguments], environment)

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        here = {name: value for name, value in os.environ.items() if name != "ANEMOI_SITE_CONFIG"}
        here |= {"PYTHONPATH": str(self.path), "XDG_CONFIG_HOME": str(self.home), "PYTHONUTF8": "1"}
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=60, env=here | environment
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Invented distributions, for processes of their own."""
    (tmp_path / "site").mkdir()
    return Site(tmp_path / "site", tmp_path / "home")


@pytest.fixture
def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Invented distributions that this process sees too."""
    monkeypatch.syspath_prepend(str(site.path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(site.home))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    return site
