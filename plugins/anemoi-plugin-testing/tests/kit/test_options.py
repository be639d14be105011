"""An option may be of any type that the product takes: the kit takes the same ones."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from anemoi.core.config import Builder, Component, build
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Tracker
from pydantic import Field

from anemoi_plugin_testing import check
from anemoi_plugin_testing._options import has_parts


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Ink:
    colour: Colour = Colour.RED
    depth: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True)
class Pencil:
    hardness: int = 2


@dataclass(frozen=True)
class Desk:
    lamp: Annotated[Builder, Component("tracker")] | None = None


class Scribe(Tracker):
    """Writes with what it is given, and is strict about it."""

    def __init__(
        self,
        *,
        directory: Path,
        colour: Colour = Colour.RED,
        maybe: Colour | None = None,
        ink: Ink = Ink(depth=3),
        spare: Ink | None = None,
        tool: Ink | Pencil = Pencil(),
        inks: tuple[Ink, ...] = (Ink(), Ink(Colour.BLUE)),
        pots: Mapping[str, Ink] | None = None,
        path: Path = Path("notes"),
        others: list[Annotated[Builder, Component("tracker")]] | None = None,
        desk: Desk = Desk(),
    ) -> None:
        assert isinstance(colour, Colour)
        assert isinstance(ink, Ink)
        assert isinstance(tool, (Ink, Pencil))
        assert all(isinstance(each, Ink) for each in inks)
        assert isinstance(path, Path)
        self.given = {name: value for name, value in vars().items() if name not in ("self", "directory")}

    def start(self, run: str, parameters: Mapping[str, Any]) -> None: ...
    def metrics(self, values: Mapping[str, float], step: int) -> None: ...
    def artefact(self, path: Path) -> None: ...
    def finish(self, status: str) -> None: ...


HERE = {"_target_": f"{__name__}.Scribe"}
GIVEN = [
    {},
    {"colour": "blue", "maybe": "red"},
    {"ink": {"colour": "blue"}, "spare": {"depth": 2}},
    {"tool": {"hardness": 4}},
    {"tool": {"depth": 4}},
    {"inks": [{"depth": 2}], "pots": {"left": {"colour": "blue"}}},
    {"others": [HERE, HERE]},
    {"desk": {"lamp": HERE}},
    {"colour": Colour.BLUE, "ink": Ink(depth=5), "inks": (Ink(),), "path": Path("here")},
]


@pytest.mark.parametrize("given", GIVEN, ids=[",".join(each) or "none" for each in GIVEN])
def test_the_kit_takes_the_options_that_the_product_takes(given):
    failed = [str(one) for one in check("tracker", Scribe, **given) if one.status == "fail"]
    assert failed == []


def test_the_product_builds_them(tmp_path):
    spec = {
        **HERE,
        "ink": {"colour": "blue"},
        "tool": {"hardness": 4},
        "inks": [{"depth": 2}],
        "others": [HERE],
    }
    given = build("tracker", spec, trust_code=True, directory=tmp_path).given
    assert given["ink"] == Ink(Colour.BLUE, depth=3)  # the constructor's default, but for the colour
    assert given["tool"] == Pencil(4)
    assert given["inks"] == (Ink(depth=2),)
    assert [each.component for each in given["others"]] == [Scribe]


def test_a_wrong_option_is_the_mistake_of_whoever_gave_it():
    with pytest.raises(ConfigError, match=r"expected 'red' or 'blue', got 'rde'.\n +Did you mean 'red'"):
        check("tracker", Scribe, colour="rde")
    with pytest.raises(ConfigError, match=r"ink\.depth: expected int >= 1, got 0"):
        check("tracker", Scribe, ink={"depth": 0})


def test_a_component_in_a_list_is_a_part():
    from anemoi_plugin_testing._check import Subject

    assert has_parts(Subject("tracker", "scribe", Scribe))


class Diary(Scribe):
    """Has no default for its colour."""

    def __init__(self, *, directory: Path, colour: Colour) -> None:
        super().__init__(directory=directory, colour=colour)


def test_an_option_needs_a_default_unless_the_check_is_given_a_value():
    bare, given = (
        {one.check: one for one in check("tracker", Diary, **each)} for each in ({}, {"colour": "red"})
    )
    assert bare["options_are_declared"].seen == "these options have no default: colour"
    assert {one.status for one in given.values()} <= {"pass", "skipped"}
