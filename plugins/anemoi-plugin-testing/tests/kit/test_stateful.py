"""The state machines that are shipped: they are found without hypothesis, and may be derived from."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test
from specimens.outputs import NumpyFile, NumpyReader
from specimens.sources import ForgetsWhereItWas, Whole

from anemoi_plugin_testing import check
from anemoi_plugin_testing._check import BrokenContractError
from anemoi_plugin_testing._forecasts import description
from anemoi_plugin_testing.stateful import OutputMachine, SourceMachine

SHORT = settings(max_examples=5, stateful_step_count=10, deadline=None, derandomize=True, database=None)


def result(kind, component, **how):
    return next(one for one in check(kind, component, **how) if one.check == "stays_right_in_any_order")


def test_without_hypothesis_the_check_says_what_to_install():
    with patch("anemoi_plugin_testing._random_use.find_spec", lambda name: None):
        for kind, component in (("source", Whole), ("output", NumpyFile)):
            found = result(kind, component, **({"reader": NumpyReader} if kind == "output" else {}))
            assert found.status == "skipped"
            assert 'pip install "anemoi-plugin-testing[hypothesis]"' in found.seen


def test_a_fault_is_told_with_the_calls_that_show_it():
    found = result("source", ForgetsWhereItWas)
    assert found.status == "fail"
    assert "reads as something else than at first" in found.seen
    calls = [line for line in found.seen.splitlines() if line.strip().startswith("state.")]
    assert "ask_for_what_is_absent" in calls[0]
    assert len(calls) <= 3


def test_a_plugin_adds_rules_of_its_own():
    asked = []

    class Mine(SourceMachine):
        def open(self):
            return Whole()

        @rule()
        def own(self):
            asked.append(len(self._read(self.source, self.times[:1])))

    run_state_machine_as_test(Mine, settings=SHORT)
    assert asked
    assert set(asked) == {1}


def test_a_machine_of_an_output_reads_back_what_it_writes():
    class Mine(OutputMachine):
        reader = NumpyReader

        def build(self, path, *, overwrite):
            return NumpyFile(path=str(path), forecast=description(), overwrite=overwrite)

    run_state_machine_as_test(Mine, settings=SHORT)

    class Half(Mine):
        def build(self, path, *, overwrite):
            output = super().build(path, overwrite=overwrite)
            add = output.write
            output.write = lambda state: add(type(state)(state.start, state.lead_time, state.fields / 2))
            return output

    with pytest.raises(BrokenContractError, match="differ by"):
        run_state_machine_as_test(Half, settings=settings(SHORT, max_examples=50))
