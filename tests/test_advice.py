"""What messages advise exists: each command parses, each option is one, each key is in the configuration."""

from __future__ import annotations

import ast
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from anemoi.core import config, plugins
from anemoi.core.cli.main import command as anemoi
from anemoi.core.config.options import options
from anemoi.core.errors import ConfigError
from command_line import commands

ROOT = Path(__file__).parents[1]
QUOTED = re.compile(r"[`'](anemoi [a-z][^`']*)[`']")
PLAIN = re.compile(r"(?<![`'\w/-])anemoi [a-z][^\n`]*?(?=$|\n|[;,.)](?:\s|$)| \(|\))")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]+")
ASSIGNED = re.compile(r"(?<![\w.{/=+-])(\+?[a-z]\w*(?:\.\w+)*)=(\[[^\]]*\]|[^\s,;:)]+)")
OTHERS = re.compile(r"\b(pip|git|srun|torchrun|dask|grib_copy|wandb|conda|PRAGMA) ")
"""Programs of others, whose words are not ours."""

GENERAL = {"key", "group", "name"}
"""Keys that stand for any, and the one that every component has."""

HOLES = {"kind": "source", "KEY": "training.start"}
"""What stands for a value that a message fills in; ``NAME`` for all others."""


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no docstrings, with their lines; values in them are replaced."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(map(_part, node.values))


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return HOLES.get(ast.unparse(part.value), "NAME")


MESSAGES = [
    (f"{path.relative_to(ROOT)}:{line}", text)
    for folder in (ROOT / "core/src", *sorted(ROOT.glob("plugins/*/src")))
    for path in sorted(folder.glob("**/*.py"))
    for line, text in literals(path)
]

NAMED = [(place, line) for place, text in MESSAGES for line in QUOTED.findall(text)]
"""Commands that a sentence speaks of, in backticks: they may lack arguments."""

ADVISED = [(place, line) for place, text in MESSAGES for line in PLAIN.findall(QUOTED.sub("", text))]
"""Commands to type."""


def advised_options() -> list[tuple[str, str]]:
    return [
        (place, option)
        for place, text in MESSAGES
        if len(text.split()) > 1 and not OTHERS.search(text) and "no-such" not in text
        for option in OPTION.findall(text)
    ]


def assignments() -> list[tuple[str, str, str]]:
    return [
        (place, key, value.rstrip(".'\""))
        for place, text in MESSAGES
        if " " in text and text[0].isupper() and not OTHERS.search(text)
        for key, value in ASSIGNED.findall(re.sub(r"\(in Python.*?\)", "", text))
        if key.lstrip("+") not in GENERAL
    ]


@cache
def known_options() -> frozenset[str]:
    found = {"--help"}
    for _, each in commands(anemoi, click.Context(anemoi, info_name="anemoi", obj={})):
        for parameter in each.params:
            found |= {*parameter.opts, *parameter.secondary_opts}
    return frozenset(found)


@cache
def options_of() -> dict[str, set[str]]:
    """The options of all components, by kind and by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for component in plugins.components():
        if component.state == "ok" and component.kind not in ("command", "config", "hook", "kind"):
            own = {*options(plugins.load_component(component), kind=component.kind)}
            found[component.kind] |= own
            found[component.name] |= own
    return found


def in_the_configuration(key: str, value: str, primary: str) -> bool:
    """Whether a configuration knows a key; of a group whose choice is left open, whether there is one."""
    if value.isalpha() and value.isupper():
        return key.partition(".")[0] in config.compose(primary).values
    domains = ["+domains.NAME.data.name=zarr"] if "domains." in key else []
    try:
        composition = config.compose(primary, [*domains, f"{key}={value or 'x'}"])
    except ConfigError as error:
        print(error)
        return False
    strange = [str(each) for each in config.problems(composition) if "not an option" in str(each)]
    return not any(key.lstrip("+") in each for each in strange)


def test_there_are_some() -> None:
    assert min(len(NAMED), len(ADVISED), len(advised_options()), len(assignments())) > 10


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize(("place", "line"), ADVISED, ids=[f"{place}: {line}" for place, line in ADVISED])
def test_the_command_is_taken(place: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: reached.append(context.command_path))
    _, *words = shlex.split(line.replace("[", "").replace("]", ""))
    anemoi.main(words, prog_name="anemoi", standalone_mode=False, obj={})
    assert reached, f"{place}: {line}: no command was reached"


@pytest.mark.parametrize(("place", "line"), NAMED, ids=[f"{place}: {line}" for place, line in NAMED])
def test_the_command_that_is_spoken_of_is_one(place: str, line: str) -> None:
    group: click.Command = anemoi
    context = click.Context(anemoi, info_name="anemoi", obj={})
    for word in line.split()[1:]:
        if not isinstance(group, click.Group):
            break
        found = group.get_command(context, word)
        assert found is not None, f"{place}: {line}: {word}"
        group = found


def test_the_options_are_those_of_a_command() -> None:
    strange = [f"{place}: {option}" for place, option in advised_options() if option not in known_options()]
    assert not strange, "\n".join(strange)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    assignments(),
    ids=[f"{place}: {key}={value}" for place, key, value in assignments()],
)
def test_the_key_is_one(place: str, key: str, value: str) -> None:
    first, _, rest = key.partition(".")
    first = {"data": "source"}.get(first, first) if rest else first
    known = options_of()
    if (rest or first) in (known.get(first, ()) if rest else set().union(*known.values())):
        return
    primary = "serve" if place.startswith("plugins/anemoi-plugin-server/") else "train"
    assert in_the_configuration(key, value, primary), f"{place}: {key}={value}"
