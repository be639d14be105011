"""A small world: a core of two versions, and plugins built to fail, each in its own way."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CORE = """
import json, sys
from importlib.metadata import entry_points, version

NEWS = {news}


def found():
    return [point for group in entry_points().groups if group.startswith("anemoi.core.")
            for point in entry_points(group=group)]


def main():
    words = sys.argv[1:]
    if words == ["--version"]:
        print(version("anemoi-core"))
    elif words[:2] == ["plugins", "list"]:
        print(json.dumps([{{"name": p.name, "distribution": p.dist.name, "state": "ok"}} for p in found()]))
    elif words[:2] == ["plugins", "doctor"]:
        [point.load() for point in found()]
    elif words[:2] == ["plugins", "check"]:
        if NEWS is not None:  # since then, what checks is a distribution of its own
            import anemoi_plugin_kit
        [point.load().check() for point in found() if point.dist.name == words[2]]
    elif words[0] == "train":
        open("run", "w").write("old" if NEWS is None else "new")
    elif words[0] == "forecast":
        sys.exit(open("run").read() not in {reads})
    else:
        sys.exit(f"no command {{words}}")
"""

PLUGIN = """
from anemoi_core import NEWS


class Component:
    @staticmethod
    def check():
        pass
"""


class World:
    """A folder that a matrix is about."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def distribution(
        self, folder: str, name: str, version: str, files: dict[str, str], *, requires=(), more: str = ""
    ) -> None:
        package = name.replace("-", "_")
        where = self.root / folder
        (where / "src" / package).mkdir(parents=True, exist_ok=True)
        listed = ", ".join(f'"{each}"' for each in requires)
        (where / "pyproject.toml").write_text(
            textwrap.dedent(f"""
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [project]
            name = "{name}"
            version = "{version}"
            dependencies = [{listed}]
            requires-python = ">=3.10"
            {{more}}

            [tool.hatch.build.targets.wheel]
            packages = ["src/{package}"]
            """).replace("{more}", more)
        )
        for path, text in files.items():
            target = where / path.format(package=package)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def core(self, folder: str, version: str, *, news: str, reads: str = '("old", "new")') -> None:
        self.distribution(
            folder,
            "anemoi-core",
            version,
            {"src/{package}/__init__.py": CORE.format(news=news, reads=reads)},
            more='[project.scripts]\nanemoi = "anemoi_core:main"',
        )

    def plugin(
        self, name: str, *, code: str = "", requires=("anemoi-core>=1",), test: str = "", check=()
    ) -> None:
        package = name.replace("-", "_")
        self.distribution(
            f"plugins/{name}",
            name,
            "1.0.0",
            {
                "src/{package}/__init__.py": PLUGIN + code,
                "tests/test_own.py": test or "def test_it():\n    import " + package,
            },
            requires=requires,
            more=f'[project.optional-dependencies]\ntest = ["pytest"]\ncheck = {[*check]}\n'
            '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
            f'[project.entry-points."anemoi.core.processors"]\n{package} = "{package}:Component"',
        )

    def matrix(self, text: str) -> Path:
        path = self.root / "compat-matrix.yaml"
        path.write_text(text)
        return path

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        program = "import sys; from anemoi_meta_ci.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            cwd=self.root,
            env={**os.environ, "UV_FIND_LINKS": str(self.root / "index")},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    made = World(tmp_path_factory.mktemp("world"))
    (made.root / "index").mkdir()
    made.core("core-1", "1.0.0", news="None")
    made.core("core-2", "2.0.0", news="'news'")
    return made


class SlowIndex:
    """A server on loopback that takes every question and never comes to the end of an answer."""

    def __init__(self, trickles: bool) -> None:
        self.trickles, self.asked, self.over = trickles, threading.Event(), threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.set()
                if index.trickles:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                    self.end_headers()
                with contextlib.suppress(OSError):  # whoever asked has gone
                    while not index.over.wait(0.05):
                        if index.trickles:
                            self.wfile.write(b" ")

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(params=[False, True], ids=["never answers", "trickles"])
def slow(request, monkeypatch):
    """An index that is too slow, and a user who waits for one second."""
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")
    index = SlowIndex(request.param)
    yield index
    index.close()
