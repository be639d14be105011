"""What the document of a checkpoint must hold: checked once, so that nothing else need be ready for less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

# What is added by a later release of the same format is no fault.
_OPEN = ConfigDict(extra="allow", strict=True)


class _Open(BaseModel):
    model_config = _OPEN


class _Variable(_Open):
    name: str
    role: str
    units: Optional[str] = None  # noqa: UP045 (pydantic resolves it at run time)


class _Steps(_Open):
    inputs: list[int]
    outputs: list[int]
    step: int
    interval: int


class _Domain(_Open):
    variables: list[_Variable]
    frequency: str
    field_shape: Optional[list[int]]  # noqa: UP045
    steps: _Steps
    constants: list[str]
    missing: list[str]
    measured: list[str]


class _Edges(_Open):
    source: str
    target: str
    attributes: list[str]


class _Graph(_Open):
    nodes: list[str]
    edges: list[_Edges]
    node_attributes: dict[str, list[str]] = {}


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    role: str
    kind: str
    name: str
    distribution: str
    version: str
    hash: str
    needed: bool
    accepts: str = ""


class _Configuration(_Open):
    model: dict[str, Any]
    objective: dict[str, Any]
    forcings: Optional[list[str]] = None  # noqa: UP045
    transforms: Optional[dict[str, dict[str, Any]]] = None  # noqa: UP045
    domains: Optional[dict[str, dict[str, Any]]] = None  # noqa: UP045


class _Provenance(_Open):
    created: Optional[str] = None  # noqa: UP045
    command: Optional[str] = None  # noqa: UP045
    versions: dict[str, str] = {}
    parents: list[dict[str, Any]] = []
    training_period: Optional[dict[str, str]] = None  # noqa: UP045

    @field_validator("versions")
    @classmethod
    def _are_versions(cls, versions: dict[str, str]) -> dict[str, str]:
        for name, version in versions.items():
            if name != "python":
                requirement(name, version)
        return versions


class _Document(_Open):
    domains: dict[str, _Domain]
    graph: Optional[_Graph]  # noqa: UP045
    configuration: _Configuration
    overrides: list[str]
    lock: list[_Lock]
    provenance: _Provenance


def check_document(document: Mapping[str, Any]) -> None:
    """Check what a checkpoint says, in the newest format.

    Raises
    ------
    ValueError
        If something that is read of it is absent or of another type: what, and where.
    """
    try:
        _Document.model_validate(dict(document))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ValueError("; ".join(faults)) from None


def requirement(distribution: str, version: str) -> str:
    """Write what pip is to install as PEP 508 has it.

    A line of a requirements file may be an option of pip, which could make it install anything from anywhere.

    Raises
    ------
    ValueError
        If the name or the version is none.
    """
    text = f"{distribution}=={version}"
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        parsed = None
    if parsed is None or parsed.name != distribution or str(parsed.specifier) != f"=={version}":
        raise ValueError(f"{text!r} is no requirement of a distribution")
    return text
