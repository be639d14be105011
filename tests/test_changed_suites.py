"""Which suites of tests a pull request runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from changed_suites import affected, requirements

PLUGINS = "plugins/anemoi-plugin-"


@pytest.mark.parametrize(
    ("changed", "suites"),
    [
        ([], {"tests"}),
        (["docs/index.md", "core.md"], {"tests"}),
        (["meta-ci/src/x.py"], {"meta-ci", "tests"}),
        ([f"{PLUGINS}wandb/README.md"], {f"{PLUGINS}wandb", "tests"}),
    ],
)
def test_what_a_change_affects(changed, suites):
    assert set(affected(changed, requirements())) == suites


def test_a_change_affects_those_that_require_it_in_turn():
    needs = {"core": set(), "layers": {"core"}, "gnn": {"layers"}, "wandb": set()}
    assert affected(["layers/a.py"], needs) == ["gnn", "layers", "tests"]
    assert affected(["core/a.py"], needs) == ["core", "gnn", "layers", "tests"]


def test_every_distribution_has_a_suite():
    root = Path(__file__).parents[1]
    assert all((root / folder / "tests").is_dir() for folder in requirements())
    assert len(requirements()) == 2 + len(list((root / "plugins").iterdir()))


def test_every_action_is_pinned_by_hash():
    root = Path(__file__).parents[1]
    workflows = [
        path
        for folder in (".github", "core/.github", "meta-ci/.github")
        for path in root.glob(f"{folder}/**/*.yml")
    ]
    used = [
        line for path in workflows for line in re.findall(r"uses: *(\S+)", path.read_text(encoding="utf-8"))
    ]
    assert used
    assert not [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)]
