"""Models."""

import random

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.graph import HIDDEN
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.model import Model
from torch import nn

from anemoi_plugin_testing._reference import LinearModel, MeanOverEdges

from . import caught_by, right

right("model")(LinearModel)


class After(LinearModel):
    """Does something to what comes out of each domain."""

    def forward(self, fields, condition=None):
        made = super().forward(fields, condition)
        return {name: self.after(out, fields[name], name) for name, out in made.items()}


@right("model")
class OverHiddenNodes(LinearModel):
    """Adds what hidden nodes have heard, on a graph, and takes no condition."""

    capabilities = frozenset()
    needs_graph = True

    def __init__(self, *, domains, graph, steps, condition_channels=0):
        if condition_channels:
            raise ConfigError("It takes no condition.")
        super().__init__(domains=domains, graph=graph, steps=steps)
        self.up, self.down = nn.ModuleDict(), nn.ModuleDict()
        for name in domains:
            self.up[name] = MeanOverEdges(graph.edges[name, HIDDEN], len(graph.nodes[HIDDEN]))
            self.down[name] = MeanOverEdges(graph.edges[HIDDEN, name], len(graph.nodes[name]))

    def state(self, name, states, condition):
        heard = self.down[name](self.up[name](states.flatten(0, 2))).reshape(states.shape)
        return super().state(name, states + heard, condition)


@right("model")
class OnRows(LinearModel):
    """Takes one domain in rows of latitude without a pole, and no condition on anything else."""

    def __init__(self, *, domains, graph, steps, condition_channels=0):
        if len(domains) > 1:
            raise ConfigError("One domain, please.")
        (domain,) = domains.values()
        if domain.grid.axes is None or abs(domain.grid.latitudes).max() > 89.0:
            raise ConfigError("Rows without a pole, please.")
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)


@caught_by("options_are_declared", "model")
class UntypedOption(LinearModel):
    def __init__(self, *, width=3, **structure):
        super().__init__(**structure)


@caught_by("builds", "model")
class Fails(LinearModel):
    def __init__(self, *, domains, graph, steps, condition_channels=0):
        raise RuntimeError("out of luck")


@caught_by("builds", "model")
class RefusesEverything(LinearModel):
    def __init__(self, *, domains, graph, steps, condition_channels=0):
        raise ConfigError("No.")


@caught_by("keeps_its_shape", "model")
class FoldsMembersIntoTheBatch(After):
    def after(self, out, states, name):
        return out.transpose(1, 2).flatten(0, 1)[:, :, None]


@caught_by("keeps_its_shape", "model")
class GivesATensor(LinearModel):
    def forward(self, fields, condition=None):
        return next(iter(super().forward(fields, condition).values()))


@caught_by("keeps_its_shape", "model")
class GivesAllVariables(After):
    def after(self, out, states, name):
        return states[:, -1:]


@caught_by("takes_any_number_of_states", "model")
class KnowsTwoStates(LinearModel):
    def __init__(self, *, steps, **structure):
        if "data" in steps and len(steps["data"].inputs) != 2:
            raise ValueError("two states, please")
        super().__init__(steps=steps, **structure)


@caught_by("takes_any_number_of_states", "model")
class GivesTheFirstStateAlone(After):
    def after(self, out, states, name):
        return out[:, :1] if name == "data" else out


@caught_by("takes_any_roles", "model")
class NeedsForcings(LinearModel):
    def __init__(self, *, domains, **structure):
        if any(not domain.forcings for domain in domains.values()):
            raise ValueError("some forcing, please")
        super().__init__(domains=domains, **structure)


@caught_by("takes_several_domains", "model")
class GivesOneDomain(LinearModel):
    def forward(self, fields, condition=None):
        made = super().forward(fields, condition)
        return dict(list(made.items())[:1])


@caught_by("takes_several_domains", "model")
class BorrowsTheSmallestGrid(After):
    def __init__(self, *, domains, **structure):
        super().__init__(domains=domains, **structure)
        self.size = min(len(domain.grid) for domain in domains.values() if domain.outputs)

    def after(self, out, states, name):
        return out[:, :, :, : self.size]


@caught_by("takes_a_domain_without_outputs", "model")
class GivesEveryDomain(LinearModel):
    def forward(self, fields, condition=None):
        made = super().forward(fields, condition)
        empty = {name: states[:, :0, :, :, :0] for name, states in fields.items()}
        return {**empty, **made}


@caught_by("is_finite_at_the_start", "model")
class HugeWeights(LinearModel):
    def __init__(self, **structure):
        super().__init__(**structure)
        with torch.no_grad():
            for layer in self.mix.values():
                layer.weight.normal_(std=1e5)


@caught_by("is_finite_at_the_poles", "model")
class DividesByTheCosine(After):
    def __init__(self, *, domains, **structure):
        super().__init__(domains=domains, **structure)
        for name, domain in domains.items():
            sine = torch.from_numpy(domain.grid.positions[:, 2])
            self.register_buffer(f"wide_{name}", (1.0 / (1.0 - sine**2)).float(), persistent=False)

    def after(self, out, states, name):
        return out + 1e-3 * self.get_buffer(f"wide_{name}")[:, None]


@caught_by("is_finite_for_large_inputs", "model")
class NaiveExponential(After):
    def after(self, out, states, name):
        return out + 1e-3 * out.clamp(min=0).exp().log1p()


@caught_by("keeps_float32", "model")
class DoubleOut(After):
    def after(self, out, states, name):
        return out.double()


@caught_by("runs_in_float64", "model")
class SingleOut(After):
    def after(self, out, states, name):
        return out.float()


@caught_by("runs_in_bfloat16", "model")
class MixedTypes(After):
    def after(self, out, states, name):
        # Under autocast the linear layer gives bfloat16, and what comes in is float32.
        return torch.zeros_like(states[..., :1].mean(1, keepdim=True).expand_as(out)).index_add(
            4, torch.arange(out.shape[-1], device=out.device), out
        )


@caught_by("moves_between_devices", "model")
class ConstantNotABuffer(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.scale = torch.ones(1)

    def after(self, out, states, name):
        return out * self.scale


@caught_by("gradients_reach_all_parameters", "model")
class UnusedParameter(LinearModel):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.unused = nn.Parameter(torch.zeros(3))


class Without(LinearModel):
    """Does not look at some of its inputs."""

    def __init__(self, *, domains, **structure):
        super().__init__(domains=domains, **structure)
        self.domains = domains

    def state(self, name, states, condition):
        seen = [float(not self.left_out(self.domains[name][each])) for each in self.domains[name].inputs]
        return super().state(name, states * states.new_tensor(seen), condition)

    def left_out(self, variable):
        raise NotImplementedError


@caught_by("depends_on_every_input", "model")
class ForgetsConstants(Without):
    def left_out(self, variable):
        return variable.constant


@caught_by("depends_on_every_input", "model")
class KeepsVariablesApart(After):
    """Gives each prognostic variable from itself alone."""

    def __init__(self, *, domains, **structure):
        super().__init__(domains=domains, **structure)
        self.domains = domains

    def state(self, name, states, condition):
        domain = self.domains[name]
        quiet = [float(each not in domain.prognostic) for each in domain.inputs]
        return super().state(name, states * states.new_tensor(quiet), condition)

    def after(self, out, states, name):
        domain = self.domains[name]
        into = torch.tensor(
            [domain.outputs.index(each) for each in domain.prognostic], device=out.device
        ).long()
        last = states[:, -1:, ..., [domain.inputs.index(each) for each in domain.prognostic]]
        return out.index_add(-1, into, last.expand(-1, out.shape[1], -1, -1, -1).to(out.dtype))


@caught_by("follows_the_seed", "model")
class NoiseOfItsOwn(After):
    def after(self, out, states, name):
        return out + random.random()


@caught_by("keeps_batch_items_apart", "model")
class SubtractsTheMeanOfTheBatch(After):
    def after(self, out, states, name):
        return out - out.mean(0, keepdim=True)


@caught_by("keeps_members_apart", "model")
class SubtractsTheMeanOfTheMembers(After):
    def after(self, out, states, name):
        return out - out.mean(2, keepdim=True)


@caught_by("leaves_its_input_alone", "model")
class ClampsItsInput(After):
    def after(self, out, states, name):
        if not torch.is_grad_enabled():
            states.clamp_(-1.0, 1.0)
        return out


@caught_by("is_determined_by_its_weights", "model")
class HiddenState(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.register_buffer("shift", torch.randn(1), persistent=False)

    def after(self, out, states, name):
        return out + self.shift


@caught_by("fits_a_checkpoint", "model")
class ExtraState(LinearModel):
    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        pass


@caught_by("options_survive_a_configuration", "model")
class DefaultOfAnotherType(LinearModel):
    def __init__(self, *, width: int = 1.5, **structure):
        super().__init__(**structure)


@caught_by("refuses_to_be_conditioned", "model")
class SaysNothingOfConditions(LinearModel):
    capabilities = frozenset()


@caught_by("refuses_a_wrong_condition", "model")
class LeavesOutTheCondition(LinearModel):
    def forward(self, fields, condition=None):
        return super().forward(fields, condition if self.condition_channels else None)


@caught_by("refuses_a_wrong_condition", "model")
class TakesNoConditionForZero(LinearModel):
    def forward(self, fields, condition=None):
        if condition is None and self.condition_channels:
            condition = fields["data"].new_zeros(*fields["data"].shape[:3:2], self.condition_channels)
        return super().forward(fields, condition)


@caught_by("refuses_a_wrong_condition", "model")
class AnotherError(LinearModel):
    def forward(self, fields, condition=None):
        assert (condition is not None) == bool(self.condition_channels)
        return super().forward(fields, condition)


@caught_by("depends_on_its_condition", "model")
class IgnoresItsCondition(LinearModel):
    def state(self, name, states, condition):
        return super().state(name, states, None if condition is None else 0.0 * condition)


@caught_by("depends_on_its_condition", "model")
class DeclaresWhatItCannot(Model):
    """Takes a condition in its head, and none in its heart."""

    capabilities = frozenset({Capability.CONDITION})
    needs_graph = False

    def __init__(self, *, domains, graph, steps, condition_channels=0):
        super().__init__(domains=domains, graph=graph, steps=steps)
        if condition_channels:
            raise ConfigError("It takes no condition.")
        self.inner = LinearModel(domains=domains, graph=graph, steps=steps)

    def forward(self, fields, condition=None):
        return self.inner(fields, condition)


@caught_by("conditions_each_member_by_itself", "model")
class TurnsMembersAndBatch(LinearModel):
    def state(self, name, states, condition):
        turned = None if condition is None else condition.transpose(0, 1).reshape(condition.shape)
        return super().state(name, states, turned)


@caught_by("conditions_each_member_by_itself", "model")
class AveragesConditions(LinearModel):
    def state(self, name, states, condition):
        mean = None if condition is None else condition.mean(1, keepdim=True).expand_as(condition)
        return super().state(name, states, mean)
