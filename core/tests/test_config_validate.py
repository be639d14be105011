from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from annotated_types import Ge
from pydantic import Field

from anemoi.core.config import Component, Composition, Origin, Spec, build, compose, layers, validate
from anemoi.core.config.options import options, parameter_docs, type_name
from anemoi.core.config.validate import problems
from anemoi.core.errors import ConfigError, DataError, PluginError
from anemoi.core.interfaces import Output, Tracker

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True)
class Spring:
    """A nested option."""

    turns: Annotated[int, Field(ge=1)] = 3
    mode: Mode = Mode.FAST

    def __post_init__(self) -> None:
        if self.turns == 13:
            raise ValueError("13 turns bring bad luck")


@dataclass(frozen=True)
class Weight:
    """The other of a union."""

    grams: int


class Keeper(Tracker):
    """Keeps what it is given.

    Parameters
    ----------
    count
        How many. And more that nobody needs here.
    ratio, weight : float
        What share.
    code
        Two capitals: AB.
    **others
        Not listed.
    """

    def __init__(
        self,
        *,
        count: Annotated[int, Field(ge=1)] = 1,
        ratio: float = 0.5,
        weight: float | None = None,
        levels: tuple[int, ...] = (),
        mode: Literal["slow", "fast"] = "slow",
        speed: Mode = Mode.FAST,
        day: datetime.date | None = None,
        path: Path | None = None,
        names: Sequence[str] = ("a",),
        scales: Mapping[str, float] | None = None,
        either: int | list[int] = 0,
        flag: bool = False,
        code: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "AB",
        spring: Spring = Spring(turns=5),
        spare: Spring | None = None,
        drive: Spring | Weight | int = 0,
        springs: list[Spring] = [],  # noqa: B006
        pair: tuple[Spring, Weight] | None = None,
        racks: dict[str, list[Spring]] | None = None,
        speeds: dict[str, Mode] | None = None,
        teeth: Annotated[int, Ge(1)] | None = None,
        bounded: Annotated[list[Spring], Field(max_length=1)] = [],  # noqa: B006
        unresolved: Unknown = None,
        model_config: int = 0,
        copy: str = "",
        _private: int = 0,
    ) -> None:
        self.given = {name: value for name, value in vars().items() if name != "self"}

    def start(self, run: str, parameters: Mapping[str, Any]) -> None: ...
    def metrics(self, values: Mapping[str, float], step: int) -> None: ...
    def artefact(self, path: Path) -> None: ...
    def finish(self, status: str) -> None: ...


class BusyKeeper(Keeper):
    """A keeper with one option more."""

    def __init__(self, *, extra: int, ratio: int = 2, **others: Any) -> None:
        super().__init__(**others)
        self.extra = extra


class Failing(Keeper):
    """Refuses to be built."""

    def __init__(self, *, error: str) -> None:
        raise {"value": ValueError, "runtime": RuntimeError, "data": DataError}[error]("no luck")


def target(component: type, **given: Any) -> dict[str, Any]:
    return {"_target_": f"{component.__module__}.{component.__qualname__}", **given}


@pytest.mark.parametrize(
    ("option", "value", "converted"),
    [
        ("count", 3, 3),
        ("ratio", 1, 1.0),
        ("ratio", 1e-3, 1e-3),
        ("weight", None, None),
        ("levels", [500, 850], (500, 850)),
        ("mode", "fast", "fast"),
        ("speed", "fast", Mode.FAST),
        ("speeds", {"up": "slow"}, {"up": Mode.SLOW}),
        ("teeth", 2, 2),
        ("spring", {"mode": "slow"}, Spring(5, Mode.SLOW)),
        ("spare", {"mode": "slow"}, Spring(3, Mode.SLOW)),
        ("spare", None, None),
        ("drive", {"turns": 2}, Spring(2)),
        ("drive", {"grams": 2}, Weight(2)),
        ("drive", 2, 2),
        ("springs", [{"turns": 1}, {}], [Spring(1), Spring()]),
        ("pair", [{"turns": 1}, {"grams": 1}], (Spring(1), Weight(1))),
        ("racks", {"a": [{"turns": 1}]}, {"a": [Spring(1)]}),
        ("bounded", [{"turns": 1}], [Spring(1)]),
        ("day", "2025-12-01", datetime.date(2025, 12, 1)),
        ("path", "a/b", Path("a/b")),
        ("names", ["x"], ["x"]),
        ("scales", {"t": 1}, {"t": 1.0}),
        ("either", [1], [1]),
        ("flag", True, True),
        ("unresolved", {"any": "thing"}, {"any": "thing"}),
        ("model_config", 3, 3),
        ("copy", "yes", "yes"),
        ("_private", 2, 2),
    ],
)
def test_a_right_option_reaches_the_constructor(option: str, value: object, converted: object) -> None:
    keeper = build("tracker", target(Keeper, **{option: value}), trust_code=True)
    assert keeper.given[option] == converted
    assert type(keeper.given[option]) is type(converted) or option == "path"


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("count", "8", "count: expected int >= 1, got '8'"),
        ("count", True, "count: expected int >= 1, got True"),
        ("count", 1.0, "count: expected int >= 1, got 1.0"),
        ("count", 0, "count: expected int >= 1, got 0"),
        ("count", None, "count: expected int >= 1, got None"),
        ("ratio", "1e-3", "ratio: expected float, got '1e-3'"),
        ("weight", [], "weight: expected float or None, got []"),
        ("levels", [500, "850"], r"levels: expected tuple[int, ...], got [500, '850']"),
        ("levels", 500, "levels: expected tuple[int, ...], got 500"),
        ("mode", "fats", "mode: expected 'slow' or 'fast', got 'fats'.\n  Did you mean 'fast'?"),
        ("speed", "slwo", "speed: expected 'fast' or 'slow', got 'slwo'.\n  Did you mean 'slow'?"),
        ("speed", 3, "speed: expected 'fast' or 'slow', got 3."),
        ("speed", "FAST", "speed: expected 'fast' or 'slow', got 'FAST'"),
        ("speeds", {"up": "x"}, "speeds: expected dict[str, 'fast' or 'slow'] or None, got {'up': 'x'}"),
        ("teeth", 0, "teeth: expected int >= 1 or None, got 0"),
        ("spring", {"turns": 0}, "spring.turns: expected int >= 1, got 0"),
        ("spring", {"truns": 1}, "spring.truns: not an option of "),
        ("spring", {"turns": 13}, "refuses its options: 13 turns bring bad luck"),
        ("spring", 3, "spring: expected Spring, got 3"),
        ("drive", {"gramms": 2}, "drive.gramms: not an option of"),
        ("drive", "x", "drive: expected Spring or Weight or int, got 'x'"),
        ("springs", [{}, {"turns": 0}], "springs.1.turns: expected int >= 1, got 0"),
        ("springs", {"turns": 0}, "springs: expected list[Spring], got {'turns': 0}"),
        ("pair", [{}], "pair: expected tuple[Spring, Weight] or None, got [{}]"),
        ("racks", {"a": [{"mode": "x"}]}, "racks.a.0.mode: expected 'fast' or 'slow', got 'x'"),
        ("bounded", [{}, {}], "bounded: expected list[Spring], got [{}, {}]"),
        ("day", "yesterday", "day: expected date or None, got 'yesterday'"),
        ("names", "abc", "names: expected Sequence[str], got 'abc'"),
        ("scales", {"t": "x"}, "scales: expected Mapping[str, float] or None, got {'t': 'x'}"),
        ("either", "x", "either: expected int or list[int], got 'x'"),
        ("flag", 1, "flag: expected bool, got 1"),
        ("code", "abc", "code: 'abc' is not of the form that is expected.\n  Two capitals: AB."),
        ("cuont", 1, "cuont: not an option of tracker"),
        ("cuont", 1, "Did you mean 'count'?"),
        ("others", 1, "others: not an option of tracker"),
        ("self", 1, "self: not an option of tracker"),
    ],
)
def test_a_wrong_option_is_refused(option: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        build("tracker", target(Keeper, **{option: value}), trust_code=True)
    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) <= 3


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        build("tracker", target(BusyKeeper, cuont=1, ratio=0.5, flag="no"), trust_code=True)
    for expected in (
        "extra: missing; expected int",
        "cuont: not an option",
        "ratio: expected int",
        "flag: expected bool",
    ):
        assert expected in str(error.value)
    assert {each.key for each in error.value.problems} == {"extra", "cuont", "ratio", "flag"}


def test_a_class_that_passes_its_options_on_takes_those_of_its_base() -> None:
    found = options(BusyKeeper, kind="tracker")
    assert list(found) == ["extra", "ratio", *(name for name in options(Keeper) if name != "ratio")]
    assert found["ratio"].type is int
    assert build("tracker", target(BusyKeeper, extra=1, count=4), trust_code=True).given["count"] == 4
    assert list(options(Failing)) == ["error"]


def test_what_the_framework_gives_is_no_option() -> None:
    from anemoi.core.interfaces import Processor

    class Local(Processor):
        def __init__(
            self, *, nodes: Any, edges: Any, channels: int, layers: int = 4, **rest: Any
        ) -> None: ...

        def forward(self, x: Any, condition: Any = None) -> Any: ...

    assert list(options(Local, kind="processor")) == ["layers"]


class Writing(Output):
    """Writes nothing."""

    def __init__(self, *, path: str, forecast: Any, overwrite: bool = False, level: int = 1) -> None:
        self.given = (path, forecast, overwrite, level)

    def __enter__(self) -> Writing:
        return self

    def write(self, state: Any) -> None: ...
    def __exit__(self, *_: Any) -> None: ...


def test_structure_and_options_both_reach_the_constructor_and_are_not_mixed_up() -> None:
    structure = {"path": "p", "forecast": None, "overwrite": True}
    written = build("output", target(Writing, level=3), trust_code=True, **structure)
    assert written.given == ("p", None, True, 3)
    with pytest.raises(ConfigError, match="path: not an option"):
        build("output", target(Writing, path="elsewhere"), trust_code=True, **structure)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        ("value", ConfigError, "refuses its options: no luck"),
        ("runtime", PluginError, "failed to build: RuntimeError: no luck"),
        ("data", DataError, "no luck"),
    ],
)
def test_a_constructor_that_fails(error: str, expected: type[Exception], message: str) -> None:
    with pytest.raises(expected, match=message):
        build("tracker", target(Failing, error=error), trust_code=True)


def test_code_named_by_path_is_not_imported_unless_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "untrusted_code.py").write_text(
        f"open({str(marker)!r}, 'w').close()\nfrom {__name__} import Keeper as Thing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="--trust-code"):
        build("tracker", {"_target_": "untrusted_code.Thing"})
    assert not marker.exists()
    build("tracker", {"_target_": "untrusted_code.Thing"}, trust_code=True)
    assert marker.exists()


@pytest.mark.parametrize("path", ["nowhere.Thing", "Thing", "pathlib.Nothing", "pathlib.os.sep", "", "..x"])
def test_code_that_cannot_be_had(path: str) -> None:
    with pytest.raises(ConfigError, match="_target_: "):
        build("tracker", {"_target_": path}, trust_code=True)


class Unfinished(Tracker):
    """Lacks its methods."""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            f"{__name__}.Whole",
            "Whole is not a tracker: it must be a class derived from anemoi.core.interfaces.Tracker",
        ),
        (f"{__name__}.Writing", "is not a tracker"),
        ("os.system", "os.system is not a tracker"),
        (f"{__name__}.Unfinished", "does not define .*artefact, finish, metrics, start"),
    ],
)
def test_code_that_is_not_of_the_kind_is_refused_before_it_is_called(path: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        build("tracker", {"_target_": path}, trust_code=True)


@pytest.mark.parametrize("spec", [{}, {"name": None}, {"name": 3}])
def test_a_component_without_a_name(spec: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="anemoi plugins list --kind tracker"):
        build("tracker", spec)


def test_an_unknown_component() -> None:
    with pytest.raises(PluginError, match="no tracker called 'abacus'"):
        build("tracker", {"name": "abacus"})


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part.

    Parameters
    ----------
    size
        How large.
    """

    size: Annotated[int, Field(ge=1)] = 1
    keeper: Annotated[Spec, Component("tracker")] | None = None

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("part.size brings bad luck")


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Settings that must fit together."""

    low: int = 0
    high: int = 1
    names: list[Annotated[str, Component("transform")]] = field(default_factory=list)

    def check(self, *, trust_code: bool) -> None:
        if self.low > self.high:
            raise ConfigError(f"low: {self.low} is above high, {self.high}.", fix="Lower it.")


@dataclass(frozen=True, kw_only=True)
class Whole:
    name: str
    part: Part = field(default_factory=Part)
    many: list[Annotated[Spec, Component("tracker")]] = field(default_factory=list)
    named: dict[str, Annotated[Spec, Component("tracker")]] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    monkeypatch.setattr(layers, "CORE_DEFAULTS", tmp_path / "core")
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf"


def test_settings_are_built_with_the_values_and_their_types(conf: Path) -> None:
    keeper = f"{{_target_: {__name__}.Keeper, count: 2}}"
    (conf / "demo.yaml").write_text(
        f"name: x\npart: {{size: 3, keeper: {keeper}}}\nmany: [{keeper}]\nnamed:\n  a: {keeper}\nwords: [b]\n"
    )
    spec = target(Keeper, count=2)
    assert validate(compose("demo"), Whole) == Whole(
        name="x", part=Part(size=3, keeper=spec), many=[spec], named={"a": spec}, words=("b",)
    )
    assert validate(compose("demo", ["part.keeper=null", "many=[]"]), Whole).part == Part(size=3)


def test_every_problem_is_told_with_its_place(conf: Path) -> None:
    file = conf / "demo.yaml"
    keeper = f"{{_target_: {__name__}.Keeper, cuont: 2}}"
    file.write_text(
        f"part:\n  size: 0\n  sise: 2\n  keeper: {keeper}\nmany:\n  - {keeper}\n"
        f"named:\n  a: {keeper}\n  b: {{name: abacus}}\nwrods: [a]\n"
    )
    found = {problem.key: problem for problem in problems(compose("demo", ["+words=[1]"]), Whole)}
    places = {key: problem.where for key, problem in found.items()}
    assert places == {
        "name": "",
        "part.size": f"{file}:2",
        "part.sise": f"{file}:3",
        "part.keeper.cuont": f"{file}:4",
        "many.0.cuont": f"{file}:5",
        "named.a.cuont": f"{file}:8",
        "named.b.name": f"{file}:9",
        "wrods": f"{file}:10",
        "words": "the command line",
    }
    assert found["part.size"].what == "expected int >= 1, got 0."
    assert "'size'" in found["part.sise"].fix
    assert "'count'" in found["many.0.cuont"].fix
    assert "'words'" in found["wrods"].fix
    with pytest.raises(ConfigError, match="has 9 problems"):
        validate(compose("demo", ["+words=[1]"]), Whole)


def test_what_the_settings_themselves_refuse_is_an_error_of_the_configuration(conf: Path) -> None:
    (conf / "demo.yaml").write_text("name: x\npart: {size: 13}")
    with pytest.raises(ConfigError, match=r"part\.size brings bad luck"):
        validate(compose("demo"), Whole)


def test_settings_refuse_what_does_not_fit_together_and_the_place_is_told(conf: Path) -> None:
    file = conf / "demo.yaml"
    file.write_text("high: 2\nlow: 3\n")
    [found] = problems(compose("demo"), Fitting)
    assert (found.key, found.what, found.fix) == ("low", "3 is above high, 2.", "Lower it.")
    assert found.where == f"{file}:2"
    with pytest.raises(ConfigError, match=r"low: 3 is above high, 2\.\n  at "):
        validate(compose("demo"), Fitting)
    assert validate(compose("demo", ["low=1"]), Fitting) == Fitting(low=1, high=2)


def test_a_component_by_its_name_alone_must_exist(conf: Path) -> None:
    (conf / "demo.yaml").write_text("names: [imputer, imptuer]")
    [found] = problems(compose("demo"), Fitting)
    assert found.key == "names.1"
    assert "no transform called 'imptuer'" in found.what
    assert found.fix.startswith("Did you mean 'imputer'? There are: ")


def test_the_schema_of_options_has_enums_and_nested_sections() -> None:
    from anemoi.core.config.schema import component_schema

    schema = component_schema("tracker", target(Keeper, spring={"turns": 2}), Keeper, trust_code=True)
    assert {"spring.turns", "spring.mode"} <= set(schema.options)
    assert "spare.turns" not in schema.options  # there is none unless it is given
    assert schema.options["spring.turns"].parameter.to_dict()["default"] == 5
    assert schema.options["speed"].parameter.to_dict() == {
        "parameter": "speed",
        "type": "'fast' or 'slow'",
        "required": False,
        "default": "fast",
        "doc": "",
    }
    found = schema.json_schema()
    resolved = str(found["$defs"])
    assert "'enum': ['fast', 'slow']" in resolved
    assert found["properties"]["spare"]["anyOf"][1] == {"type": "null"}
    assert {"turns", "mode"} == set(found["$defs"]["spring"]["properties"])


def test_a_recorded_configuration_does_not_run_code(conf: Path) -> None:
    record = {"primary": "demo", "overrides": [], "values": {"name": "x", "many": [target(Keeper)]}}
    with pytest.raises(ConfigError, match="--trust-code"):
        validate(Composition.from_dict(record), Whole)
    assert validate(Composition.from_dict(record, trust_code=True), Whole).many == [target(Keeper)]


def test_a_configuration_that_nobody_declares_cannot_be_checked(conf: Path) -> None:
    (conf / "demo.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match="No plugin declares what the configuration 'demo' may hold"):
        validate(compose("demo"))


def test_the_first_sentence_of_each_parameter_is_its_documentation() -> None:
    assert parameter_docs("Keeps what it is given.") == {}
    found = {name: parameter.doc for name, parameter in options(BusyKeeper).items() if parameter.doc}
    assert found == {"count": "How many.", "weight": "What share.", "code": "Two capitals: AB."}
    assert options(Part)["size"].doc == "How large."


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "int"),
        (int | None, "int or None"),
        (list[int | str], "list[int or str]"),
        (dict[str, tuple[int, ...]], "dict[str, tuple[int, ...]]"),
        (Literal["a", 1], "'a' or 1"),
        (Annotated[float, Field(gt=0, le=1)], "float > 0, <= 1"),
        (Annotated[Spec, Component("loss")], "loss"),
        (Any, "Any"),
    ],
)
def test_a_type_is_named_as_its_author_would(annotation: Any, expected: str) -> None:
    assert type_name(annotation) == expected


class Careful(Keeper):
    """Refuses options before it is built."""

    def __init__(self, *, first: int = 1, last: int = 2, word: str = "a") -> None:
        raise AssertionError("checking builds nothing")

    @classmethod
    def check_options(cls, *, first: int = 1, last: int = 2, word: str = "a") -> None:
        if first > last:
            raise ConfigError("last: smaller than first.", fix="Swap them.")
        if word == "b":
            raise ValueError("no such word")


@dataclass(frozen=True)
class WithCareful:
    keepers: list[Annotated[Spec, Component("tracker")]]


@pytest.mark.parametrize(
    ("given", "key", "said"),
    [
        ({"first": 3}, "keepers.1.last", "smaller than first."),
        ({"word": "b"}, "keepers.1", "no such word"),
        ({"first": "x"}, "keepers.1.first", "expected int, got 'x'."),  # types come first
        ({"first": 2, "last": 3}, None, None),
    ],
)
def test_a_component_refuses_options_before_it_is_built(
    given: dict[str, Any], key: str | None, said: str | None
) -> None:
    values = {"keepers": [target(Careful), target(Careful, **given)]}
    origins = {"keepers": (Origin("command line", values["keepers"]),)}
    found = problems(Composition("demo", (), values, trusted=True, origins=origins), WithCareful)
    if key is None:
        assert found == []
        return
    [problem] = found
    assert problem.key == key
    assert said is not None
    assert said in problem.what
    assert problem.where
