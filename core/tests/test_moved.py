"""Names that 0.1 had in core, and that another distribution has since."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

HOMES = {"testing": "anemoi_plugin_testing", "layers": "anemoi_plugin_layers"}
NAMES = {"testing": "ProcessorContract", "layers": "MLP"}


@pytest.mark.parametrize("module", HOMES)
def test_a_name_that_moved_goes_on_working_with_a_warning_at_the_line_that_asks(module):
    with pytest.warns(FutureWarning, match=HOMES[module]) as said:
        found = getattr(import_module(f"anemoi.core.{module}"), NAMES[module])
    assert found is getattr(import_module(HOMES[module]), NAMES[module])
    assert said[0].filename == __file__


@pytest.mark.parametrize("module", HOMES)
def test_without_the_distribution_it_says_what_to_install(module):
    block = f"import sys; sys.modules['{HOMES[module]}'] = None\n"
    code = f"{block}from anemoi.core.{module} import {NAMES[module]}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"pip install anemoi-plugin-{module}" in done.stderr.splitlines()[-1]


def test_a_name_that_neither_has_is_an_error_and_no_warning(recwarn):
    with pytest.raises(ImportError, match="Nothing"):
        from anemoi.core.layers import Nothing  # noqa: F401
    assert not recwarn.list
