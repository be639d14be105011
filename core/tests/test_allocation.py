"""Whether freed memory is used again, by the page faults of a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from anemoi.core.allocation import keep_freed_memory

_STEPS = """
import resource, sys
import torch
from anemoi.core.allocation import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

print(keep_freed_memory() if sys.argv[1] == "keep" else False)
for step in range(6):
    before = faults()
    x = [torch.ones(size * 2**18) for size in (5, 20, 40)]
    del x
print(faults() - before)
"""
_PAGES = 65 * 2**20 // 4096

# Other C libraries have no such choice; what is left of it there is the last test.
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


def _run(what: str, **environment: str) -> tuple[str, int]:
    command = [sys.executable, "-c", _STEPS, what]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))
    }
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**inherited, **environment}
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


@glibc
def test_a_step_finds_the_memory_of_the_last_one() -> None:
    assert _run("leave")[1] > _PAGES / 2
    kept, faults = _run("keep")
    assert kept == "True"
    assert faults < _PAGES / 50


@glibc
@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_who_has_chosen_for_the_process_is_left_alone(name: str) -> None:
    kept, faults = _run("keep", **{name: "1000000"})
    assert kept == "False"
    assert faults > _PAGES / 2


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
