"""Every example in a help text is a line that the command takes: its words, its options and their types."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from anemoi.core.cli.main import command as anemoi

PIPE = re.compile(r"\s[|>#]\s.*")


def commands(group: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, group
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            each = group.get_command(context, name)
            assert each is not None, name
            yield from commands(each, click.Context(each, info_name=name, parent=context))


def examples() -> list[tuple[str, str]]:
    found = []
    for path, each in commands(anemoi, click.Context(anemoi, info_name="anemoi", obj={})):
        text = inspect.cleandoc(each.help or "").replace("\\\n", " ")
        found += [(path, " ".join(line.split())) for line in text.splitlines() if line.startswith("anemoi ")]
    return found


EXAMPLES = examples()


def test_there_are_some() -> None:
    assert {"anemoi forecast", "anemoi provenance"} <= {path for path, _ in EXAMPLES}


@pytest.mark.parametrize(("path", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_the_example_is_taken(path: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, *words = shlex.split(PIPE.sub("", line))
    reached = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: reached.append(context.command_path))
    anemoi.main(words, prog_name="anemoi", standalone_mode=False, obj={})
    assert reached, f"{line}: no command was reached"
    assert reached[-1].startswith(path), f"{line} runs {reached[-1]}"
