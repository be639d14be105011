"""Transforms."""

import random
from dataclasses import replace

import numpy as np
import torch
from anemoi.core.domain import Statistics
from anemoi.core.interfaces.transform import Transform
from anemoi.core.transforms import Bounding, Imputer, Normaliser, Remapper
from anemoi.core.variable import Role
from torch import nn

from . import caught_by, right

right("transform")(Normaliser)
right("transform")(Imputer)


@right("transform")
class Remapped(Remapper):
    def __init__(self, *, domain):
        super().__init__(domain=domain, log1p=["tp"], cube_root=["sd"], angle=["mwd"])


@right("transform")
class Bounded(Bounding):
    def __init__(self, *, domain):
        super().__init__(domain=domain, relu=["t_850"], hardtanh={"ci": (0.0, 1.0)}, fraction={"tp": "t_850"})


@right("transform")
class ForcingsAlone(Transform):
    """Halves forcings, and has no way back."""

    def __init__(self, *, domain):
        super().__init__(domain=domain)

    @property
    def touches(self):
        return frozenset(self.before.forcings)

    @property
    def after(self):
        half = np.array([0.5 if name in self.before.forcings else 1.0 for name in self.before.names])
        constants = {name: values / 2 for name, values in self.before.constants.items()}
        statistics, changes = (
            Statistics(*(each * half for each in vars(which).values()))
            for which in (self.before.statistics, self.before.changes)
        )
        return replace(self.before, statistics=statistics, changes=changes, constants=constants)

    def forward(self, values, names):
        return values * values.new_tensor([0.5 if name in self.before.forcings else 1.0 for name in names])


@right("transform")
class Shifted(Transform):
    """Adds some standard deviations to each variable."""

    def __init__(self, *, domain, by: float = 0.5):
        super().__init__(domain=domain)
        self.register_buffer(
            "offset", torch.tensor(by * domain.statistics.stdev, dtype=torch.float32), persistent=False
        )
        offset = by * domain.statistics.stdev
        statistics = replace(
            domain.statistics,
            **{each: getattr(domain.statistics, each) + offset for each in ("mean", "minimum", "maximum")},
        )
        constants = {
            name: values + np.float32(offset[domain.names.index(name)])
            for name, values in domain.constants.items()
        }
        self._after = replace(domain, statistics=statistics, constants=constants)

    @property
    def after(self):
        return self._after

    def forward(self, values, names):
        return values + self.of(names)

    def inverse(self, values, names):
        return values - self.of(names)

    def of(self, names):
        return self.offset[self.places(names)]

    def places(self, names):
        return torch.tensor(self.before.columns(tuple(names)), device=self.offset.device)

    def on(self, values, names, name, function):
        """The same values, with those of one variable changed."""
        chosen = torch.tensor([each == name for each in names], device=values.device)
        return torch.where(chosen, function(values), values)


@caught_by("options_are_declared", "transform")
class UntypedOption(Shifted):
    def __init__(self, *, domain, by=0.5):
        super().__init__(domain=domain, by=by)


@caught_by("builds", "transform")
class Fails(Shifted):
    def __init__(self, *, domain):
        raise RuntimeError("out of luck")


@caught_by("builds", "transform")
class KeepsAnotherDomain(Shifted):
    def __init__(self, *, domain):
        super().__init__(domain=replace(domain, constants={}))


@caught_by("keeps_its_shape", "transform")
class DoubleOut(Shifted):
    def forward(self, values, names):
        return super().forward(values, names).double()


@caught_by("keeps_its_shape", "transform")
class CountsOnMembers(Shifted):
    def forward(self, values, names):
        return super().forward(values, names).reshape(-1, 2, *values.shape[-2:])


@caught_by("has_no_weights", "transform")
class Learns(Shifted):
    def __init__(self, *, domain):
        super().__init__(domain=domain)
        self.gain = nn.Parameter(torch.ones(()))


@caught_by("has_no_weights", "transform")
class PersistentStatistics(Shifted):
    def __init__(self, *, domain):
        super().__init__(domain=domain)
        self.register_buffer("means", torch.tensor(domain.statistics.mean))


@caught_by("has_an_inverse_for_outputs", "transform")
class OneWay(Shifted):
    inverse = Transform.inverse


@caught_by("names_what_it_gives", "transform")
class NewNamesInAfterAlone(Shifted):
    @property
    def after(self):
        variables = tuple(replace(each, name=f"{each.name}_shifted") for each in self._after.variables)
        return replace(self._after, variables=variables, constants={}, missing={})


@caught_by("names_what_it_gives", "transform")
class AnotherRole(Shifted):
    @property
    def after(self):
        variables = tuple(
            replace(each, role=Role.PROGNOSTIC if each.role is Role.DIAGNOSTIC else each.role)
            for each in self._after.variables
        )
        return replace(self._after, variables=variables)


@caught_by("has_the_statistics_of_what_it_gives", "transform")
class OldStatistics(Shifted):
    @property
    def after(self):
        return replace(self._after, statistics=self.before.statistics)


@caught_by("has_the_statistics_of_what_it_gives", "transform")
class UnitsOfChangesForgotten(Normaliser):
    @property
    def after(self):
        return replace(super().after, changes=self.before.changes)


@caught_by("takes_constants_and_masks_along", "transform")
class OldConstants(Shifted):
    @property
    def after(self):
        return replace(self._after, constants=self.before.constants)


@caught_by("takes_constants_and_masks_along", "transform")
class ForgetsMasks(Shifted):
    @property
    def after(self):
        return replace(self._after, missing={})


@caught_by("undoes_itself", "transform")
class HalfWayBack(Shifted):
    def inverse(self, values, names):
        return values - 0.5 * self.of(names)


@caught_by("undoes_itself", "transform")
class FillsInForGood(Imputer):
    def inverse(self, values, names):
        return values + 0.0


@caught_by("takes_any_variables", "transform")
class ByPlace(Shifted):
    def places(self, names):
        return torch.arange(len(names), device=self.offset.device)


@caught_by("takes_any_variables", "transform")
class KnowsAllAlone(Shifted):
    def forward(self, values, names):
        return super().forward(values, names) if len(names) > 1 else values


@caught_by("takes_any_variables_back", "transform")
class BackByPlace(Shifted):
    def inverse(self, values, names):
        places = torch.tensor(self.before.columns(self.before.outputs), device=values.device)
        return values - self.offset[places][: len(names)]


@caught_by("touches_what_it_says", "transform")
class SaysLess(Shifted):
    @property
    def touches(self):
        return frozenset({"t_850"})


@caught_by("works_cell_by_cell", "transform")
class LooksAtItsNeighbour(Shifted):
    def forward(self, values, names):
        moved = super().forward(values, names)
        return self.on(moved, names, "t_850", lambda each: each + 0.0 * each.roll(1, -2))


@caught_by("works_cell_by_cell", "transform")
class LooksAtItsNeighbourOnTheWayBack(Shifted):
    def inverse(self, values, names):
        moved = super().inverse(values, names)
        return self.on(moved, names, "t_850", lambda each: each + 0.0 * each.roll(1, -2))


@caught_by("hides_no_nan", "transform")
class FillsInWhatIsNeverMissing(Shifted):
    def forward(self, values, names):
        return self.on(super().forward(values, names), names, "tp", lambda each: each.nan_to_num(0.0))


@caught_by("hides_no_nan", "transform")
class HidesDivergence(Shifted):
    def inverse(self, values, names):
        return self.on(super().inverse(values, names), names, "ci", lambda each: each.nan_to_num(0.5))


@caught_by("has_gradients_on_the_way_out", "transform")
class SteepAtZero(Remapper):
    def __init__(self, *, domain):
        super().__init__(domain=domain, cube_root=["tp"])

    def forward(self, values, names):
        rain = torch.tensor([name == "tp" for name in names], device=values.device)
        return torch.where(rain, values.sign() * values.abs().pow(1 / 3), values)


@caught_by("has_gradients_on_the_way_out", "transform")
class BackWithoutGradient(Shifted):
    def inverse(self, values, names):
        return super().inverse(values, names).detach()


class Enforces(Shifted):
    """Bounds precipitation, somehow."""

    enforced = ("tp",)

    def inverse(self, values, names):
        return self.on(super().inverse(values, names), names, "tp", self.bounded)

    def bounded(self, values):
        return values.clamp(min=0.0)

    @property
    def enforces(self):
        return frozenset(self.enforced)


right("transform")(Enforces)


@caught_by("enforces_once", "transform")
class HalfABound(Enforces):
    def bounded(self, values):
        return torch.where(values < 0, values / 2, values)


@caught_by("enforces_once", "transform")
class EnforcesAForcing(Enforces):
    enforced = ("tp", "sd")


@caught_by("declares_what_it_enforces", "transform")
class BoundsInSilence(Enforces):
    enforced = ()


@caught_by("is_the_same_in_training_and_forecast", "transform")
class AnotherInForecasts(Shifted):
    def forward(self, values, names):
        return super().forward(values, names) + (0.0 if self.training else 1.0)


@caught_by("is_the_same_in_training_and_forecast", "transform")
class LuckOfItsOwn(Shifted):
    """Is built a little different each time."""

    def __init__(self, *, domain):
        super().__init__(domain=domain)
        self.luck = 1e-3 * (1.0 + random.random())

    def of(self, names):
        lucky = torch.tensor([name == "t_850" for name in names], device=self.offset.device)
        return super().of(names) + self.luck * lucky


@caught_by("leaves_its_input_alone", "transform")
class WritesToItsInput(Shifted):
    def forward(self, values, names):
        made = super().forward(values, names)
        if not torch.is_grad_enabled():
            values.zero_()
        return made


@caught_by("leaves_its_input_alone", "transform")
class WritesToWhatANetworkGave(Shifted):
    def inverse(self, values, names):
        made = super().inverse(values, names)
        if not torch.is_grad_enabled():
            values.zero_()
        return made


@caught_by("moves_between_devices", "transform")
class ConstantNotABuffer(Shifted):
    def __init__(self, *, domain):
        super().__init__(domain=domain)
        self.one = torch.ones(1)

    def forward(self, values, names):
        return super().forward(values, names) * self.one


@caught_by("options_survive_a_configuration", "transform")
class DefaultOfAnotherType(Shifted):
    def __init__(self, *, domain, by: int = 0.5):
        super().__init__(domain=domain, by=by)
