"""The checks as tests: a plugin's own tests inherit the class of its kind, and name the component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from ._run import Examination, checks, subject

_examinations: dict[type, tuple[Mapping[str, Any], Examination]] = {}


class Contract:
    """One test for each check of a kind.

    For a kind that a distribution declares, a test derives from this class and names the kind::

        class TestMine(Contract):
            kind = "downscaler"
            name = "mine"
    """

    kind: ClassVar[str]
    """What is checked."""

    name: ClassVar[Any]
    """The name of the component, or the class, command, package or hook itself."""

    options: ClassVar[Mapping[str, Any]] = {}
    """What its constructor is given beyond what its interface takes."""

    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Checks that are known to fail, and why; one that passes all the same is a failure."""

    reader: ClassVar[Any] = None
    """For an output, the source that reads back what it writes; by default the one of the same name."""

    @pytest.fixture
    def contract_options(self) -> Mapping[str, Any]:
        """The options; override it where they need other fixtures, such as a directory to read from."""
        return self.options

    @pytest.fixture
    def examination(self, contract_options: Mapping[str, Any]) -> Examination:
        """The checks, each made once as long as the options stay the same."""
        known = _examinations.get(type(self))
        if known is None or known[0] != contract_options:
            found = subject(self.kind, self.name, contract_options, reader=self.reader)
            known = contract_options, Examination(found, self.expected_failures)
            _examinations[type(self)] = known
        return known[1]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each check."""
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", [each.name for each in checks(self.kind)])

    def test_contract(self, check: str, examination: Examination) -> None:
        """The component keeps one promise of its kind."""
        result = examination.result(check)
        if result.status == "skipped":
            pytest.skip(result.seen)
        if result.status == "expected-failure":
            pytest.xfail(result.seen)
        if result.status == "fail":
            pytest.fail(str(result), pytrace=False)


class ModelContract(Contract):
    """The contract of a model."""

    kind = "model"


class ProcessorContract(Contract):
    """The contract of a processor."""

    kind = "processor"


class MapperContract(Contract):
    """The contract of a mapper."""

    kind = "mapper"


class GraphContract(Contract):
    """The contract of a graph builder."""

    kind = "graph"


class SourceContract(Contract):
    """The contract of a data source."""

    kind = "source"


class TransformContract(Contract):
    """The contract of a transform."""

    kind = "transform"


class ForcingContract(Contract):
    """The contract of a computed forcing."""

    kind = "forcing"


class PostProcessorContract(Contract):
    """The contract of a postprocessor."""

    kind = "postprocessor"


class OutputContract(Contract):
    """The contract of an output."""

    kind = "output"


class ObjectiveContract(Contract):
    """The contract of an objective."""

    kind = "objective"


class PerturbationContract(Contract):
    """The contract of a perturbation."""

    kind = "perturbation"


class TrackerContract(Contract):
    """The contract of a tracker."""

    kind = "tracker"


class CommandContract(Contract):
    """The contract of a command."""

    kind = "command"


class ConfigContract(Contract):
    """The contract of a package of configuration."""

    kind = "config"


class HookContract(Contract):
    """The contract of a hook."""

    kind = "hook"


class KindContract(Contract):
    """The contract of a kind that a distribution declares."""

    kind = "kind"
