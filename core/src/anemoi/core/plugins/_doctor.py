"""Load each component in a process of its own, so that nothing a plugin does can hurt the one that asks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ._components import InstalledComponent, reinstall

_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")
_BEGIN = "anemoi: begin"
_PROBE = f"""
import json, os, sys
from anemoi.core.errors import PluginError
from anemoi.core.plugins._components import InstalledComponent, failures
from anemoi.core.plugins._load import load_component
component = InstalledComponent(**json.loads(sys.argv[1]))
answer = open(sys.argv[2], "w", encoding="utf-8")
print({_BEGIN!r}, file=sys.stderr, flush=True)
try:
    load_component(component)
    wrong = None
except PluginError:
    wrong = failures[component.key].reason, failures[component.key].fix
answer.write(json.dumps(wrong))
answer.close()
os._exit(0)
"""


@dataclass(frozen=True)
class Diagnosis:
    """What came of loading a component.

    Parameters
    ----------
    component
        In the state that it was found to be in.
    seconds
        How long the import took; None if it was not tried, or never ended.
    heaviest, heaviest_seconds
        The import of another package that took longest, with all that it brought, if there was one.
    """

    component: InstalledComponent
    seconds: float | None = None
    heaviest: str = ""
    heaviest_seconds: float = 0.0


def diagnose(
    found: Iterable[InstalledComponent], *, timeout: float, at_once: int | None = None
) -> Iterator[Diagnosis]:
    """Load components, ``at_once`` at a time (one for each processor by default), and tell of each in order.

    Those that are blocked or incompatible are not loaded.
    """
    with ThreadPoolExecutor(at_once or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda component: _diagnose(component, timeout), found)


def _diagnose(component: InstalledComponent, timeout: float) -> Diagnosis:
    if component.state in ("blocked", "incompatible"):
        return Diagnosis(component)
    with tempfile.TemporaryDirectory(prefix="anemoi-doctor-") as folder:
        answer, trace = Path(folder, "answer"), Path(folder, "trace")
        ended = _run(component, answer, trace, timeout)
        seconds, heaviest, heaviest_seconds = _imports(trace, component)
        if ended is None:
            reason = f"importing it had not ended after {timeout:g} s"
            return Diagnosis(_broken(component, reason), None, heaviest, heaviest_seconds)
        try:
            wrong = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            wrong = f"importing it {_how_it_ended(ended)}", None
        judged = _broken(component, *wrong) if wrong else component
        return Diagnosis(judged, seconds, heaviest, heaviest_seconds)


def _run(component: InstalledComponent, answer: Path, trace: Path, timeout: float) -> int | None:
    """Run the probe, and return its exit code, or None if it had to be stopped."""
    description = json.dumps({name: getattr(component, name) for name in component.__dataclass_fields__})
    with trace.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-c", _PROBE, description, str(answer)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a probe and whatever it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _broken(component: InstalledComponent, reason: str, fix: str | None = None) -> InstalledComponent:
    return replace(component, state="broken", reason=reason, fix=fix or reinstall(component.distribution))


def _how_it_ended(code: int) -> str:
    if code < 0:
        try:
            return f"crashed the interpreter ({signal.Signals(-code).name})"
        except ValueError:
            return f"crashed the interpreter (signal {-code})"
    return f"ended the interpreter (exit code {code})"


def _imports(trace: Path, component: InstalledComponent) -> tuple[float, str, float]:
    """How long the component took to import, and the heaviest import that is another's, from the trace."""
    own = component.value.split(".")[0].split(":")[0]
    total, heaviest, most = 0, "", 0
    _, _, lines = trace.read_text(encoding="utf-8", errors="replace").partition(_BEGIN)
    for _, cumulative, indent, module in _IMPORT.findall(lines):
        if len(indent) == 0:
            total += int(cumulative)
        if module.split(".")[0] not in (own, "anemoi") and int(cumulative) > most:
            heaviest, most = module, int(cumulative)
    return total / 1e6, heaviest, most / 1e6
