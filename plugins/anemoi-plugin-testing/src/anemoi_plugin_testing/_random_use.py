"""Runs the state machines of sources and outputs as checks, where hypothesis is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from ._check import BrokenContractError, Check, NotApplicableError, Subject, contract
from ._forecasts import build, reader_of

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

_RUNS: Final = 10
_STEPS: Final = 12
"""Enough for each mutant of the kit's own tests to be found, and few enough to take a second or two."""


def _run(machine: type[RuleBasedStateMachine]) -> None:
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.stateful import run_state_machine_as_test

    how = settings(
        max_examples=_RUNS,
        stateful_step_count=_STEPS,
        deadline=None,
        derandomize=True,  # the same each time, so that a plugin fails or does not
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        run_state_machine_as_test(machine, settings=how)
    except BrokenContractError as violation:
        raise BrokenContractError(f"{violation}\n{_steps(violation)}".rstrip()) from violation


def _steps(error: BaseException) -> str:
    """The shortest run that shows the fault, as hypothesis tells it."""
    return "\n".join(getattr(error, "__notes__", ()))


def _require_hypothesis() -> None:
    if find_spec("hypothesis") is None:
        raise NotApplicableError(
            'hypothesis is not installed: pip install "anemoi-plugin-testing[hypothesis]"'
        )


def of_source(*after: str) -> Check:
    """The check of sources, after others."""

    def stays_right_in_any_order(subject: Subject) -> None:
        """Whatever was asked before, absent times too, each time reads as from a new source."""
        _require_hypothesis()
        from ._source_access import open_source
        from .stateful import SourceMachine

        class Machine(SourceMachine):
            def open(self) -> Any:
                return open_source(subject)

        _run(Machine)

    return contract(after=after)(stays_right_in_any_order)


def of_output(*after: str) -> Check:
    """The check of outputs, after others."""

    def stays_right_in_any_order(subject: Subject) -> None:
        """After any forecasts, whole, crashed or cut short, the path holds the last whole one alone."""
        _require_hypothesis()
        from .stateful import OutputMachine

        try:
            known = reader_of(subject)
        except NotApplicableError:
            known = None

        class Machine(OutputMachine):
            name = f"forecast.{subject.name}"
            reader = None if known is None else staticmethod(known)

            def build(self, path: Any, *, overwrite: bool) -> Any:
                return build(subject, path, overwrite=overwrite)

        _run(Machine)

    return contract(after=after)(stays_right_in_any_order)
