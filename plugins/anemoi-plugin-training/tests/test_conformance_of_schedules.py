"""A wrong schedule is caught by the check that names its fault, and no other; a right one by none."""

import pytest
from anemoi_plugin_testing import check, checks

from anemoi_plugin_training import Schedule

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Falling(Schedule):
    """As a third party writes one."""

    def __init__(self, *, steps, warmup_steps, power: float = 1.0):
        self.steps, self.warmup_steps, self.power = steps, warmup_steps, power

    def factor(self, step):
        return max(0.0, 1 - step / self.steps) ** self.power


class Cautious(Falling):
    """As a third party writes one that follows validation: half as much after each loss that did not fall."""

    needs_validation = True

    def __init__(self, *, steps, warmup_steps):
        super().__init__(steps=steps, warmup_steps=warmup_steps)
        self.level, self.last = 1.0, 1e9

    def factor(self, step):
        return self.level * super().factor(step)

    def validated(self, loss):
        self.level *= 1.0 if loss < self.last else 0.5
        self.last = loss

    def state(self):
        return {"level": self.level, "last": self.last}

    def restore(self, state):
        self.level, self.last = state["level"], state["last"]


@caught_by("options_are_declared")
class UntypedOption(Falling):
    def __init__(self, *, steps, warmup_steps, power=1.0):
        super().__init__(steps=steps, warmup_steps=warmup_steps)


@caught_by("builds")
class Fails(Falling):
    def __init__(self, *, steps, warmup_steps):
        raise RuntimeError("no")


@caught_by("builds")
class OfStepsAlone(Falling):
    def __init__(self, *, steps):
        super().__init__(steps=steps, warmup_steps=0)


@caught_by("is_a_share")
class AboveTheHighest(Falling):
    def factor(self, step):
        return 2 * super().factor(step)


@caught_by("is_a_share")
class Nothing(Falling):
    def factor(self, step):
        return 0.0


@caught_by("takes_any_length")
class NeedsAWarmUp(Falling):
    def factor(self, step):
        return min(super().factor(step), (step + 1) / self.warmup_steps)


@caught_by("takes_any_length")
class FallsBelowZeroAfterTheEnd(Falling):
    def factor(self, step):
        return 1 - step / self.steps


@caught_by("depends_on_the_step_alone")
class Counts(Falling):
    """Pays no heed to which step it is asked for."""

    def __init__(self, *, steps, warmup_steps):
        super().__init__(steps=steps, warmup_steps=warmup_steps)
        self.asked = 0

    def factor(self, step):
        self.asked = (self.asked + 1) % 41  # 40 steps
        return self.asked / 41


@caught_by("says_whether_it_follows_validation")
class FollowsSecretly(Cautious):
    needs_validation = False


@caught_by("says_whether_it_follows_validation")
class Deaf(Cautious):
    def validated(self, loss):
        pass


@caught_by("goes_on_with_its_state")
class ForgetsTheLastLoss(Cautious):
    def state(self):
        return {"level": self.level}

    def restore(self, state):
        self.level = state["level"]


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(Falling):
    def __init__(self, *, steps, warmup_steps, power: int = 1.5):
        super().__init__(steps=steps, warmup_steps=warmup_steps, power=power)


def failures(component):
    return {one.check: one.seen for one in check("schedule", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_schedule_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize(
    "component", [Falling, Cautious, "constant", "linear", "one-cycle", "plateau", "warmup-cosine"]
)
def test_a_right_schedule_is_caught_by_none(component):
    assert failures(component) == {}


def test_every_check_catches_something():
    assert {each.name for each in checks("schedule")} == {each.values[0] for each in WRONG}
