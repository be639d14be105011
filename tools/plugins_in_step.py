"""Bring the plugins of this repository in step with the template, or say where they are not.

A plugin elsewhere merges with `anemoi plugins update`. Those here change in the same commit as the template, so
what the template owns is simply written again: whole files, the end of pyproject.toml, and the frame of the
README. What else is in a plugin is its own.

    python tools/plugins_in_step.py            # writes
    python tools/plugins_in_step.py --check    # exit code 1 if there is something to write
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anemoi_plugin_testing.scaffold import render, source

ROOT = Path(__file__).parents[1]
RECORD = ".cruft.json"
OWNED = (
    ".github/ISSUE_TEMPLATE/bug.yml",
    ".github/ISSUE_TEMPLATE/idea.yml",
    ".github/dependabot.yml",
    ".github/pull_request_template.md",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
    ".github/workflows/upstream.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CITATION.cff",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "mkdocs.yml",
    "tests/test_repository.py",
)
"""Files that are the template's from the first line to the last."""

EXPECTED = ("CHANGELOG.md", "docs/index.md", ".tours/code.tour")
"""Files that the template makes and that are the plugin's own afterwards."""

CONTRACT = "tests/test_contract.py"
"""Another, which a plugin has that offers components."""

END = "# What follows is the same in every plugin"
"""What pyproject.toml has above the part that is the template's."""

BADGES, DEVELOPMENT = "[![ci]", "## Development"


def plugins() -> list[Path]:
    """The plugins of this repository."""
    return sorted((ROOT / "plugins").glob("anemoi-plugin-*"))


def wanted(plugin: Path) -> Iterator[tuple[str, str]]:
    """What the template wants the files to be that it owns, wholly or in part."""
    answers: dict[str, Any] = json.loads((plugin / RECORD).read_text(encoding="utf-8"))["context"][
        "cookiecutter"
    ]
    with tempfile.TemporaryDirectory(prefix="anemoi-in-step-") as folder:
        made = render(source(None, kind=answers["kind"]), answers, Path(folder))
        for file in OWNED:
            yield file, (made / file).read_text(encoding="utf-8")
        for file, join in ((RECORD, _record), ("pyproject.toml", _project), ("README.md", _readme)):
            yield file, join(_text(plugin / file), (made / file).read_text(encoding="utf-8"))


def drift(plugin: Path) -> dict[str, str]:
    """The files that are not as the template wants them, and what they should be; "" if that is the plugin's to say."""
    if not (plugin / RECORD).is_file():
        return {RECORD: ""}
    offers = "[project.entry-points." in _text(plugin / "pyproject.toml")
    expected = (*EXPECTED, CONTRACT) if offers else EXPECTED
    absent = {file: "" for file in expected if not (plugin / file).is_file()}
    return absent | {file: text for file, text in wanted(plugin) if _text(plugin / file) != text}


def _record(own: str, made: str) -> str:
    """The record of the template, which stays as it is where only the version of the core is another."""
    return own if json.loads(own)["commit"] == json.loads(made)["commit"] else made


def _project(own: str, made: str) -> str:
    """The plugin's part, then the template's; without a line between them the plugin has no part yet."""
    return own.partition(END)[0] + END + made.partition(END)[2]


def _readme(own: str, made: str) -> str:
    """The plugin's text, with the badges below the title and the last section as the template has them."""
    title, _, rest = own.partition("\n")
    lines = [line for line in rest.split("\n") if not line.startswith("[![")]
    body = "\n".join(lines).partition(DEVELOPMENT)[0].strip("\n")
    badges = "\n".join(line for line in made.split("\n") if line.startswith("[!["))
    return f"{title}\n\n{badges}\n\n{body}\n\n{DEVELOPMENT}{made.partition(DEVELOPMENT)[2]}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main() -> int:
    """Write, or with --check only tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    left = 0
    for plugin in plugins():
        for file, text in drift(plugin).items():
            name = f"{plugin.relative_to(ROOT)}/{file}"
            if not text:
                print(f"{name} is missing: take it from a fresh `anemoi plugins new`")
            elif check:
                print(
                    f"{name} is not as the template makes it: run python {Path(__file__).relative_to(ROOT)}"
                )
            else:
                (plugin / file).parent.mkdir(parents=True, exist_ok=True)
                (plugin / file).write_text(text, encoding="utf-8")
                print(f"{name} is written")
            left += check or not text
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
