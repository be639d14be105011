"""Kinds that a distribution declares, with their interfaces and checks."""

from abc import ABC, abstractmethod

from anemoi.core.plugins import Kind

from anemoi_plugin_testing import contract, require

from . import caught_by, right

TEMPLATE = "anemoi_plugin_testing.scaffold:.template/templates"


class Downscaler(ABC):
    """Makes fields finer."""

    @abstractmethod
    def refine(self, field):
        """Return the finer field."""


class Silent(ABC):
    @abstractmethod
    def refine(self, field): ...


NOT_A_CLASS = Downscaler.refine


@contract()
def refines(subject):
    """What it returns is longer."""
    require(len(subject.build().refine([1, 2])) > 2, "it is not")


@contract(after=("refines",))
def refines_twice(subject):
    """What it returns of what it returned is longer still."""
    require(len(subject.build().refine(subject.build().refine([1, 2]))) > 4, "it is not")


@contract()
def says_nothing(subject): ...


CHECKS = (refines, refines_twice)
BY_KIND = {"downscaler": CHECKS}
OF_ANOTHER_KIND = {"upscaler": CHECKS}
UNFOUNDED = (refines_twice,)
TWICE = (refines, refines)
UNSAID = (says_nothing,)
FUNCTIONS = (refines.function,)


def kind(**given):
    return Kind(name="downscaler", **given)


right("kind")(kind())
right("kind")(
    kind(
        interface="specimens.kinds:Downscaler",
        checks="specimens.kinds:CHECKS",
        scaffold=f"{TEMPLATE}/kinds/tracker",
    )
)
right("kind")(kind(checks="specimens.kinds:BY_KIND"))
caught_by("is_a_kind", "kind")(Downscaler)
caught_by("is_a_kind", "kind")(kind(joined=True))
for interface in ("Silent", "NOT_A_CLASS", "Absent"):
    caught_by("has_an_interface", "kind")(kind(interface=f"specimens.kinds:{interface}"))
for checks in ("OF_ANOTHER_KIND", "UNFOUNDED", "TWICE", "UNSAID", "FUNCTIONS", "ABSENT"):
    caught_by("has_checks", "kind")(kind(checks=f"specimens.kinds:{checks}"))
for folder in ("kinds/nothing", "kinds"):
    caught_by("has_a_scaffold", "kind")(kind(scaffold=f"{TEMPLATE}/{folder}"))
