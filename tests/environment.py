"""Virtual environments in which exactly what is declared can be imported.

A fresh environment for each plugin shows whether it declares all that it needs; downloading torch for each
would take minutes. So the distributions that are asked for, and those that they require, are linked into it
from the environment that the tests run in, and nothing else is there.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def make(where: Path, requirements: Iterable[str], *, besides: Iterable[str] = ()) -> Path:
    """An environment with ``requirements`` and what those require, and its Python.

    ``besides`` are distributions that come with it in another way; only what they require is linked.
    """
    venv.create(where, with_pip=False, symlinks=True)
    site = where / "lib" / VERSION / "site-packages"
    absent = {canonicalize_name(name) for name in besides}
    for name, found in _closure(requirements).items():
        if name not in absent:
            for path in _roots(found):
                target = site / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.is_symlink():
                    target.symlink_to(Path(str(found.locate_file(path))))
            for entry in found.entry_points.select(group="console_scripts"):
                _write_script(where / "bin" / entry.name, entry)
    return where / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install wheels or directories into an environment, with nothing but themselves."""
    words = ["-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
    run(sys.executable, *words, "--no-build-isolation", "--force-reinstall", *what)


def run(*words: str | Path, cwd: Path | None = None, code: int = 0) -> str:
    """What a command prints; it must end with ``code``."""
    done = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def _write_script(path: Path, entry: EntryPoint) -> None:
    """A command of a distribution, as pip would install it."""
    lines = (
        f"#!{path.with_name('python')}",
        "import sys",
        f"from {entry.module} import {entry.attr}",
        'if __name__ == "__main__":',  # processes that this one spawns import it
        f"    sys.exit({entry.attr}())",
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o755)


def _closure(requirements: Iterable[str]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(line) for line in requirements]
    while todo:
        wanted = todo.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = distribution(name)
        for line in found[name].requires or ():
            needed = Requirement(line)
            if any(not needed.marker or needed.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                todo.append(needed)
    return found


def _roots(found: Distribution) -> Iterator[Path]:
    """The highest paths that belong to a distribution alone, not to a namespace that it shares."""
    roots = set()
    for file in found.files or ():
        if file.parts[0] == ".." or "__pycache__" in file.parts:
            continue
        for depth in range(1, len(file.parts) + 1):
            part = Path(*file.parts[:depth])
            place = Path(str(found.locate_file(part)))
            alone = (place / "__init__.py").exists() or part.suffix == ".dist-info" or not place.is_dir()
            if alone:
                roots.add(part)
                break
    yield from sorted(roots)
