"""The matrix and the workflow that docs/meta-ci.md gives to a centre of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from anemoi_meta_ci import matrix
from anemoi_meta_ci.cells import expand
from anemoi_meta_ci.cli import cli

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "meta-ci.md").read_text(encoding="utf-8").partition("## A matrix of your own")[2]
MATRIX, WORKFLOW = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PINNED = re.compile(r"uses: (\S+@[0-9a-f]{40})")


@pytest.fixture
def centre(tmp_path):
    """The repository of the centre."""
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "compatibility.yml").write_text(WORKFLOW)
    (tmp_path / "compat-matrix.yaml").write_text(MATRIX)
    return tmp_path


def test_the_matrix_is_one(centre):
    read = matrix.load(centre / "compat-matrix.yaml")
    assert read.managed == ("anemoi-plugin-ours",)
    # Without a job from end to end there is no known-good set, which the workflow publishes.
    assert any(cell.kind == "set" and cell.resolution == "highest" for cell in expand(read))


def test_the_commands_of_the_workflow_are_commands(centre):
    steps = yaml.safe_load(WORKFLOW)["jobs"]["matrix"]["steps"]
    words = [step["run"].split() for step in steps if step.get("run", "").startswith("anemoi-meta-ci")]
    assert [each[1] for each in words] == ["run", "report", "constraints"]
    for _, name, *arguments in words:
        command = cli.commands[name]
        command.make_context(name, list(arguments), resilient_parsing=False).close()
    assert words[-1][2] in matrix.load(centre / "compat-matrix.yaml").lines


def test_its_actions_are_pinned_as_ours(centre):
    ours = {
        each
        for file in (ROOT / ".github/workflows").glob("*.yml")
        for each in PINNED.findall(file.read_text())
    }
    assert set(PINNED.findall(WORKFLOW)) <= ours
    assert WORKFLOW.count("uses: ") == len(PINNED.findall(WORKFLOW))


def test_a_review_of_its_safety_finds_nothing(centre):
    zizmor = Path(sys.executable).with_name("zizmor")
    if not zizmor.is_file():
        pytest.skip(f"{zizmor} is not installed")
    done = subprocess.run([zizmor, "--offline", "."], cwd=centre, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
