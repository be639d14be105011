"""A function that is kept from the compiler, and from importing it."""

import subprocess
import sys

import torch

from anemoi_plugin_layers.blocks import uncompiled


@uncompiled
def kept(x, *, seen):
    """Double it, and say whether that is compiled."""
    seen.append(torch.compiler.is_compiling())
    return 2 * x


def test_it_runs_as_it_is_inside_what_is_compiled():
    seen = []

    @torch.compile(backend="eager")
    def compiled(x):
        assert torch.compiler.is_compiling()
        return kept(x + 1, seen=seen) - 1

    for _ in range(2):
        torch.testing.assert_close(compiled(torch.ones(3)), torch.full((3,), 3.0))
    assert seen == [False, False]
    assert kept.__doc__.startswith("Double it")


def test_the_compiler_is_imported_by_who_compiles():
    code = (
        "import sys, torch; from anemoi_plugin_layers import blocks\n"
        "assert blocks.uncompiled(lambda x: x + 1)(1) == 2\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
