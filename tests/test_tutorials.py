"""Whether the tutorials work: the blocks of each page are run, one after another, as a reader would."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import environment
import pytest

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
NEEDED = (
    "anemoi-plugin-testing", "anemoi-plugin-graphs", "anemoi-plugin-sample-data", "anemoi-plugin-training",
    "anemoi-plugin-transformer", "anemoi-plugin-zarr", "editables", "hatchling", "hypothesis", "mypy", "pip", "pytest",
    "ruff", "scipy-stubs",
)  # fmt: skip
"""What a reader has installed, and what pip would fetch for the plugin's tests and to build it."""

AS = {"bash": "{}", "python": "python - <<'END'\n{}END", "diff": "git apply - <<'END'\n{}END"}
"""How a block of each language is run."""


def script(page: Path) -> str:
    """The blocks of a page as one script, which stops at the first that fails."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "\n".join(["set -euxo pipefail", *(AS[language].format(block) for language, block in blocks)])


@pytest.mark.parametrize("kind", ["processor", "source"])
def test_a_tutorial_leads_to_a_trained_model(kind, tmp_path):
    python = environment.make(tmp_path / "environment", NEEDED)
    who = {
        f"GIT_{role}_{what}": "reader@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["bash", "-c", script(TUTORIALS / f"{kind}.md")],
        cwd=tmp_path,
        env={
            **os.environ,
            **who,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
            # All is here already, so that pip need not fetch it.
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "anemoi-plugin-mine" in done.stdout
    lines = (tmp_path / "runs" / "mine" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
