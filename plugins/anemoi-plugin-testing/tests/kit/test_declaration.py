"""What a distribution says of the checks of its components, in ``conformance.yaml`` of its package."""

import json
import sys

import pytest
from anemoi.core.cli import main
from specimens.sources import Whole

from anemoi_plugin_testing import SourceContract, check

PACKAGE = """
from pathlib import Path
from typing import Annotated

import click
from anemoi.core.config import Component, Spec
from anemoi.core.errors import DataError
from specimens.sources import Whole


class FromAFile(Whole):
    def __init__(
        self, *, path: str, times: int = 1, other: Annotated[Spec, Component("source")] | None = None
    ):
        super().__init__()
        if not Path(path).is_file():
            raise DataError(f"there is no {path}")


@click.command(help="Do nothing.")
def nothing(): ...
"""
ENTRY_POINTS = """
[anemoi.core.sources]
from-a-file = sayings.parts:FromAFile
from-afar = sayings.parts:FromAFile

[anemoi.core.commands]
nothing = sayings.parts:nothing
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A distribution with the package ``sayings``."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in {
        "sayings/__init__.py": "",
        "sayings/parts.py": PACKAGE,
        "sayings/states.txt": "",
        "sayings-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: sayings\nVersion: 1.0\n",
        "sayings-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
        yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] == "sayings"]:
        del sys.modules[name]


@pytest.fixture
def declare(site):
    """Write the file."""
    path = site / "sayings" / "conformance.yaml"

    def write(text):
        path.write_text(text)
        return path

    yield write
    path.unlink(missing_ok=True)


@pytest.fixture
def checked(capsys):
    """``anemoi plugins check``: the exit code and what it printed."""

    def run(*words):
        code = main(["plugins", "check", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


IN_PLACE = 'source:\n  from-a-file: {path: "${here}/states.txt"}\n'


def test_without_the_file_a_component_has_what_is_typed_alone(site, checked):
    code, said = checked("from-a-file")
    assert code == 1
    assert "it has no default for path, and was given none (--option)" in said
    assert checked("from-a-file", "-o", f"path={site}/sayings/states.txt")[0] == 0


def test_a_component_is_checked_with_what_is_declared_and_the_report_says_with_what(declare, checked):
    path = declare(IN_PLACE).with_name("states.txt")
    code, said = checked("from-a-file")
    assert code == 0, said
    assert f"source from-a-file, with path={path}\n" in said
    _, said = checked("from-a-file", "--json")
    assert {one["options"] for one in json.loads(said)} == {f"path={path}"}


def test_what_is_typed_goes_before_what_is_declared(declare, checked):
    declare(IN_PLACE)
    code, said = checked("from-a-file", "-o", "path=elsewhere.txt", "-o", "times=2")
    assert code == 1
    assert "source from-a-file, with path=elsewhere.txt, times=2\n" in said
    code, said = checked("from-a-file", "-o", "times=2")
    assert code == 0
    assert "states.txt, times=2\n" in said


def test_a_component_that_cannot_be_checked_by_itself_is_skipped_with_the_reason(declare, checked, site):
    declare(f"{IN_PLACE}  from-afar: It needs an account.\n")
    code, said = checked("sayings")
    assert code == 0, said
    assert "source from-afar\n  skipped   can_be_checked: It needs an account.\n" in said
    assert "source from-a-file, with" in said
    code, said = checked("from-afar", "-o", f"path={site}/sayings/states.txt")
    assert code == 0
    assert "can_be_checked" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources:\n  from-a-file: {}\n", "1: sources: sayings offers no component of this kind. "),
        ("source:\n  from-file: {}\n", "2: source.from-file: sayings offers no such source. "),
        ("command:\n  nothing: {at: all}\n", "2: command.nothing.at: it has no such option."),
        ("source:\n  from-a-file:\n    pth: x\n", "3: source.from-a-file.pth: it has no such option. "),
        ("source:\n  from-a-file: {path: 3, times: x}\n", "2: source.from-a-file: The source"),
        ("source:\n  from-a-file: {path: x, other: {name: no-such}}\n", "no-such"),
        ("source:\n  from-a-file: [path]\n", "2: source.from-a-file: this must be options, or a sentence"),
        ("source:\n  from-a-file:\n", "2: source.from-a-file: this must be options, or a sentence"),
        ("source: [from-a-file]\n", "1: source: this must be a section of components."),
        (
            "source:\n  from-a-file: {path: {_target_: os.getcwd}}\n",
            "2: source.from-a-file.path._target_: this names code",
        ),
        (
            "source:\n  from-afar: &one {path: {_target_: x}}\n  from-a-file: {<<: *one}\n",
            "_target_: this names code",
        ),
        ("source:\n  from-a-file: {path\n", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_said_with_its_place(declare, checked, text, said):
    path = declare(text)
    code, shown = checked("sayings")
    assert code in (2, 5)
    assert f"{path}:" in shown
    assert said in shown
    assert "Traceback" not in shown


def test_the_nearest_right_name_is_suggested(declare, checked):
    declare("source:\n  from-a-file: {pth: x}\n")
    assert "Did you mean path?" in checked("sayings")[1]


def test_a_function_and_a_class_take_it_where_they_are_given_no_options(declare):
    declare(IN_PLACE)
    assert {one.status for one in check("source", "from-a-file")} <= {"pass", "skipped"}
    assert "fail" in {one.status for one in check("source", "from-a-file", path="elsewhere.txt")}
    declare("source:\n  from-a-file: Nobody knows how.\n")
    [result] = check("source", "from-a-file")
    assert (result.check, result.status, result.seen) == ("can_be_checked", "skipped", "Nobody knows how.")


def test_a_class_itself_has_no_distribution_that_could_say_anything():
    assert {one.options for one in check("source", Whole)} == {""}


class TestFromAFile(SourceContract):
    name = "from-a-file"

    @pytest.fixture(autouse=True)
    def _declared(self, declare):
        declare(IN_PLACE)
