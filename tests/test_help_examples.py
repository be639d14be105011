"""Every example in a help text or a page is a line that the command takes: its words, options and types."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest
from anemoi.core.cli.main import command as anemoi
from command_line import commands

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```|((?:^ {4}[^\n]*\n)+)", re.DOTALL | re.MULTILINE)
PIPE = re.compile(r"\s[|>#]\s.*")


def examples() -> list[tuple[str, str]]:
    found = []
    for path, each in commands(anemoi, click.Context(anemoi, info_name="anemoi", obj={})):
        text = inspect.cleandoc(each.help or "").replace("\\\n", " ")
        found += [(path, " ".join(line.split())) for line in text.splitlines() if line.startswith("anemoi ")]
    return found


def of_pages() -> list[tuple[str, str]]:
    """The lines of code in the pages, without comments behind them (two blanks or more)."""
    found = []
    pages = (*ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/docs/*.md"), *ROOT.glob("**/README.md"))
    for page in sorted(each for each in pages if not each.relative_to(ROOT).parts[0].startswith(".")):
        for language, fenced, indented in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language in ("", "bash", "sh", "console"):
                text = re.sub(r"(?<=\S) {2,}.*", "", inspect.cleandoc(fenced or indented))
                lines = re.sub(
                    r"\\\n\s*", "", re.sub(r" \[-.*?\]", "", re.sub(r"\$\w+", "0", text))
                ).splitlines()
                found += [(str(page.relative_to(ROOT)), line) for line in lines if line.startswith("anemoi ")]
    return found


EXAMPLES = examples()
PAGES = of_pages()


def test_there_are_some() -> None:
    assert {"anemoi forecast", "anemoi provenance"} <= {path for path, _ in EXAMPLES}


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a line opens to write are opened in a directory of their own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("path", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_the_example_is_taken(path: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, *words = shlex.split(PIPE.sub("", line))
    reached = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: reached.append(context.command_path))
    anemoi.main(words, prog_name="anemoi", standalone_mode=False, obj={})
    assert reached, f"{line}: no command was reached"
    assert reached[-1].startswith(path), f"{line} runs {reached[-1]}"


@pytest.mark.parametrize(("page", "line"), PAGES, ids=[f"{page}: {line}" for page, line in PAGES])
def test_the_example_of_a_page_is_taken(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test_the_example_is_taken("anemoi", line, monkeypatch)
