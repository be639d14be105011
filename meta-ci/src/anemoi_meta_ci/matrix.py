"""What ``compat-matrix.yaml`` says: what is to be proved together, and what is known not to work."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import MetaCIError

Stage = Literal["cli", "import", "doctor", "conformance", "own"]
Resolution = Literal["highest", "lowest-direct"]


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: of two plugins of one name, the last would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} stands there twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def check(specifier: str, name: str = "") -> None:
    """Raise ValueError if this is no range of versions, or one that no version is in."""
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        raise ValueError(f"{name}{specifier} is no range of versions, such as >=1,<2") from None
    ends = [each.version.removesuffix(".*") for each in wanted]
    # A range that has versions has one of these: the least of all, an end, or what comes just after an end.
    tried = ["0", "0.0.0.0.1", *ends, *(f"{end}.0.0.0.1" for end in ends if re.fullmatch(r"[\d.]+", end))]
    if not any(wanted.contains(each, prereleases=True) for each in tried):
        raise ValueError(f"{name}{specifier} contradicts itself: no version is in it")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a distribution comes from: a folder, a commit, the package index or the template."""

    path: str | None = Field(default=None, description="A folder, relative to the matrix.")
    git: str | None = Field(
        default=None,
        description="A repository: a URL, or a folder relative to the matrix; {plugin} stands for the "
        "plugin's name.",
    )
    ref: str | None = Field(default=None, description="With git: the commit, tag or branch.")
    subdirectory: str = Field(
        default=".", description="With git: the folder in it; {plugin} stands for the plugin's name."
    )
    index: str | None = Field(
        default=None, description="A range of versions on the package index, as >=1,<2."
    )
    template: str | None = Field(default=None, description="A kind of plugin to make from the template.")

    @model_validator(mode="after")
    def _one(self) -> Source:
        given = [name for name in ("path", "git", "index", "template") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of path, git, index and template, not {given or 'none of them'}")
        if (self.git is None) != (self.ref is None):
            raise ValueError("git and ref go together")
        if self.index is not None:
            check(self.index)
        return self


class Line(_Strict):
    """A line of core: the branch that is worked on, or one that was released."""

    core: Source
    plugins: Source | None = Field(
        default=None,
        description="Where the plugins were that wrote checkpoints with this line; for older lines, whose "
        "checkpoints every newer line is to read.",
    )


class Plugin(_Strict):
    """A plugin that is proved against every line."""

    source: Source
    tier: Literal["managed", "watched"] = Field(
        default="managed",
        description="A managed plugin belongs to the known-good set and fails the run; a watched one "
        "is reported.",
    )
    tests: tuple[Stage, ...] = Field(
        default=("import", "doctor", "conformance", "own"), description="Which stages are run, in this order."
    )


class Leg(_Strict):
    """A block of the matrix: every combination of its axes, for each of its plugins."""

    lines: tuple[str, ...] = Field(min_length=1, description="Lines of core.")
    python: tuple[str, ...] = Field(min_length=1, description="Versions of Python, as 3.11.")
    torch: tuple[str, ...] = Field(
        default=(), description="Versions of torch; none installs without it, for stages that need none."
    )
    resolution: tuple[Resolution, ...] = ("highest",)
    with_: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        alias="with",
        description="Further axes: a distribution and the ranges to try, as zarr: ['<3', '>=3'].",
    )
    stages: tuple[Stage, ...] | None = Field(
        default=None, description="Which stages are run, where not all that a plugin has."
    )
    plugins: tuple[str, ...] | None = Field(default=None, description="Which plugins; all by default.")
    smoke: bool = Field(default=False, description="Whether the managed plugins are also proved as one set.")

    @model_validator(mode="after")
    def _possible(self) -> Leg:
        for name, ranges in self.with_.items():
            for each in ranges:
                check(each, name)
        return self


class Smoke(_Strict):
    """The job from end to end, with all managed plugins in one environment."""

    plugins: tuple[str, ...] | None = Field(
        default=None, description="The plugins it needs; all managed ones by default."
    )
    write: tuple[str, ...] = Field(description="Commands that leave a checkpoint.")
    read: tuple[str, ...] = Field(description="Commands that make a forecast of it.")


class Exclusion(_Strict):
    """What is known not to work. It is run all the same: one that passes, or has expired, fails the run."""

    plugin: str | None = Field(default=None, description="A plugin, or a pattern such as *.")
    cell: str | None = Field(default=None, description="A cell's name, or a pattern such as main/py3.13/*.")
    test: str | None = Field(
        default=None, description="One test of the plugin's own, as tests/test_a.py::test_b."
    )
    reason: Annotated[str, Field(min_length=1)]
    link: Annotated[str, Field(pattern=r"^https?://")]
    expires: datetime.date

    @model_validator(mode="after")
    def _somewhere(self) -> Exclusion:
        if self.plugin is None and self.cell is None:
            raise ValueError("a plugin or a cell")
        return self


class Matrix(_Strict):
    """The whole file."""

    version: Literal[1] = Field(description="Of this format.")
    lines: dict[str, Line] = Field(min_length=1, description="Lines of core, newest first.")
    plugins: dict[str, Plugin] = Field(min_length=1)
    legs: dict[str, Leg] = Field(min_length=1)
    smoke: Smoke | None = None
    template: str | None = Field(default=None, description="The template, relative to the matrix.")
    indexes: tuple[str, ...] = Field(
        default=(),
        description="Package indexes to look into first: a URL, or a folder relative to the matrix, of the "
        "kind that pip reads. What the first one has, the others are not asked for.",
    )
    kit: str | None = Field(
        default=None,
        description="The plugin that brings 'anemoi plugins check'; installed for the stage conformance, and "
        "only then. Where it declares that it does not fit a line of core, that line has a kit of its own.",
    )
    exclusions: tuple[Exclusion, ...] = ()
    timeout: Annotated[float, Field(gt=0, description="Seconds that a cell may take.")] = 900.0

    @field_validator("plugins")
    @classmethod
    def _normalised(cls, plugins: dict[str, Plugin]) -> dict[str, Plugin]:
        for name in plugins:
            if name != canonicalize_name(name):
                raise ValueError(f"{name!r} is to be written {canonicalize_name(name)!r}")
        return plugins

    @model_validator(mode="after")
    def _known(self) -> Matrix:
        for name, leg in self.legs.items():
            for kind, wanted, known in (
                ("line", leg.lines, self.lines),
                ("plugin", leg.plugins or (), self.plugins),
            ):
                if absent := [each for each in wanted if each not in known]:
                    raise ValueError(f"legs.{name}: no {kind} {absent[0]!r}; there are {', '.join(known)}")
            if leg.smoke and self.smoke is None:
                raise ValueError(f"legs.{name}: smoke is asked for, and the matrix has no smoke")
        if self.kit is not None and self.kit not in self.plugins:
            raise ValueError(f"kit: no plugin {self.kit!r}; there are {', '.join(self.plugins)}")
        return self

    @property
    def managed(self) -> tuple[str, ...]:
        """The plugins that make up the known-good set."""
        return tuple(name for name, plugin in self.plugins.items() if plugin.tier == "managed")

    @property
    def smoke_plugins(self) -> tuple[str, ...]:
        """The plugins of the job from end to end."""
        return (self.smoke.plugins if self.smoke else None) or self.managed


def load(path: Path) -> Matrix:
    """Read a matrix.

    Raises
    ------
    MetaCIError
        If it is absent, not YAML, or does not say what a matrix has to; each place is named.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise MetaCIError(
            f"Cannot read {path}: {error.strerror}.", fix="Name a matrix with --matrix."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MetaCIError(f"{path} is not YAML: {error}") from None
    try:
        return Matrix.model_validate(data)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()
        ]
        raise MetaCIError(
            "\n".join([f"{path} is not a matrix:", *lines]), fix="See 'anemoi-meta-ci schema'."
        ) from None


def schema() -> dict[str, Any]:
    """The JSON schema of the file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "compat-matrix.yaml",
        **Matrix.model_json_schema(by_alias=True),
    }
