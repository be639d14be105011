"""Names that 0.1 had in core, and that another distribution has since."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

MIGRATING = Path(__file__).parents[2] / "docs" / "migrating.md"
MOVED = {
    "anemoi.core.checkpoint.exporting": ("anemoi_plugin_export", ["export_metadata", "metadata"]),
    "anemoi.core.interfaces": ("anemoi_plugin_training", ["Loss"]),
    "anemoi.core.interfaces.loss": ("anemoi_plugin_training", ["Loss"]),
    "anemoi.core.layers": (
        "anemoi_plugin_layers",
        [
            "Activation",
            "FeedForward",
            "MLP",
            "MLPImplementation",
            "Norm",
            "Normalisation",
            "TrainableFeatures",
            "add_mlp",
            "affine",
            "check_chunks",
            "check_condition",
            "edge_features",
            "head_channels",
            "hidden_channels",
            "join_heads",
            "normed_linear",
            "run_in_chunks",
            "split_heads",
        ],
    ),
    "anemoi.core.runs": ("anemoi_plugin_training.runs", ["METRICS", "Metric", "RUN", "Run", "find", "read"]),
    "anemoi.core.scaffold": (
        "anemoi_plugin_testing.scaffold",
        ["create", "outdated", "render", "source", "update"],
    ),
    "anemoi.core.testing": (
        "anemoi_plugin_testing",
        [
            "Check",
            "CommandContract",
            "ConfigContract",
            "Contract",
            "GraphContract",
            "HookContract",
            "MapperContract",
            "OutputContract",
            "ProcessorContract",
            "Result",
            "SourceContract",
            "TrackerContract",
            "check",
            "checks",
        ],
    ),
    "anemoi.core.testing.recording": (
        "anemoi_plugin_testing.recording",
        ["Recording", "errors", "numbers", "results", "weights"],
    ),
}
"""The public names of 0.1.1 (what ``__all__`` or the documentation had), by module, with their new place."""

NAMES = [(old, new, name) for old, (new, names) in MOVED.items() for name in names]


ABSENT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{0}":
            raise ModuleNotFoundError("No module named '{0}'", name=name)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(("old", "new", "name"), NAMES)
def test_a_name_that_moved_goes_on_working_with_a_warning_at_the_line_that_asks(old, new, name):
    pytest.importorskip(new.partition(".")[0])
    with pytest.warns(FutureWarning) as said:
        found = getattr(import_module(old), name)
    assert found is getattr(import_module(new), name)
    (warning,) = said
    assert str(warning.message).startswith(f"{old}.{name} is {new}.{name} since anemoi-core 0.2, and ")
    assert warning.filename == __file__


@pytest.mark.parametrize("old", MOVED)
def test_an_import_warns_at_its_own_line(old):
    pytest.importorskip(MOVED[old][0].partition(".")[0])
    code = compile(f"\nfrom {old} import {MOVED[old][1][0]}", "theirs.py", "exec")
    with pytest.warns(FutureWarning) as said:
        exec(code, {})
    # Of a package Python asks twice; the second time is not shown.
    assert {(warning.filename, warning.lineno) for warning in said} == {("theirs.py", 2)}


@pytest.mark.parametrize("old", MOVED)
def test_without_the_distribution_it_says_what_to_install(old):
    new, (name, *_) = MOVED[old]
    package = new.partition(".")[0]
    code = f"{ABSENT.format(package)}\nfrom {old} import {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    (distribution,) = packages_distributions().get(package, [package.replace("_", "-")])
    assert last == (
        f"ImportError: {old}.{name} is {new}.{name} since anemoi-core 0.2. "
        f"To install it: pip install {distribution}"
    )


def test_a_name_that_neither_has_is_an_error_and_no_warning(recwarn):
    with pytest.raises(ImportError, match="Nothing"):
        from anemoi.core.layers import Nothing  # noqa: F401
    assert not recwarn.list


def test_a_name_that_is_gone_says_what_to_do_instead():
    with pytest.raises(ImportError, match=r'LossContract is gone.* set kind = "loss"'):
        from anemoi.core.testing import LossContract  # noqa: F401


@pytest.mark.skipif(not MIGRATING.exists(), reason="the page is in the tree that core is split from")
@pytest.mark.parametrize(("old", "new", "name"), NAMES)
def test_the_page_of_migrating_tells_of_it(old, new, name):
    rows = [row for row in MIGRATING.read_text(encoding="utf-8").splitlines() if f"`{new}" in row]
    assert any(f"`{old}`" in row or f"`{old}.{name}`" in row for row in rows)
