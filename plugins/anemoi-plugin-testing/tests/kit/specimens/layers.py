"""Layers. Each fault is a mixin, put in front of a processor and of a mapper that are right."""

import random

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Capability
from torch import nn

from anemoi_plugin_testing._reference import MeanMapper, MeanProcessor

from . import RIGHT, caught_by

BASES = {"processor": MeanProcessor, "mapper": MeanMapper}
RIGHT["processor"].append(MeanProcessor)
RIGHT["mapper"].append(MeanMapper)


def fault(check, bases=BASES):
    """Make a wrong processor and a wrong mapper out of a mixin."""

    def make(mixin):
        inherited = frozenset() if bases is BASES else frozenset({Capability.CONDITION})
        for kind, base in bases.items():
            wrong = type(
                f"{mixin.__name__}{base.__name__}",
                (mixin, base),
                {"__module__": __name__, "capabilities": mixin.__dict__.get("capabilities", inherited)},
            )
            caught_by(check, kind)(wrong)
        return mixin

    return make


class After(nn.Module):
    """Does something to what comes out."""

    def forward(self, *inputs):
        return self.after(super().forward(*inputs), inputs)


@fault("options_are_declared")
class UntypedOption:
    def __init__(self, *, width=3, **structure):
        super().__init__(**structure)


@fault("options_are_declared")
class OptionWithoutType:
    def __init__(self, *, width: "NoSuchType" = 3, **structure):  # noqa: F821
        super().__init__(**structure)


@fault("builds")
class OptionWithoutDefault:
    def __init__(self, **structure):
        raise RuntimeError("out of luck")


@fault("keeps_its_shape")
class DropsTheBatch(After):
    def after(self, out, inputs):
        return out[0]


@fault("keeps_its_shape")
class OneItemOnly(After):
    def after(self, out, inputs):
        return out[:1]


@fault("keeps_float32")
class DoubleOut(After):
    def after(self, out, inputs):
        return out.double()


@fault("runs_in_float64")
class SingleOut(After):
    def after(self, out, inputs):
        return out.float()


@fault("runs_in_float64")
class SingleInside(After):
    def after(self, out, inputs):
        return out @ torch.eye(out.shape[-1], device=out.device)


@fault("runs_in_bfloat16")
class MixedTypes(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        size = self.mix.out_features
        self.register_buffer("identity", torch.eye(size), persistent=False)
        self.register_buffer("places", torch.arange(size), persistent=False)

    def after(self, out, inputs):
        # Under autocast the linear layer gives bfloat16, and what it is added to is float32.
        return torch.zeros_like(inputs[0][0, 0, 0].expand(out.shape)).index_add(
            2, self.places, nn.functional.linear(out, self.identity)
        )


@fault("moves_between_devices")
class ConstantNotABuffer(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.scale = torch.ones(1, 1, 1)

    def after(self, out, inputs):
        return out * self.scale


@fault("moves_between_devices")
class MakesTensorsOnTheProcessor(After):
    def after(self, out, inputs):
        return out + torch.zeros(out.shape[-1])


@fault("gradients_reach_all_parameters")
class UnusedParameter:
    def __init__(self, **structure):
        super().__init__(**structure)
        self.unused = nn.Parameter(torch.zeros(3))


@fault("gradients_reach_all_parameters")
class DetachedParameter(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.gain = nn.Parameter(torch.ones(1))

    def after(self, out, inputs):
        return out * self.gain.detach()


@fault("gradients_reach_the_input")
class DetachedInput(nn.Module):
    def forward(self, *inputs):
        return super().forward(*(each.detach() for each in inputs))


@fault("gradients_reach_the_input")
class DetachedNode(nn.Module):
    def forward(self, first, *inputs):
        return super().forward(torch.cat([first[:, :1].detach(), first[:, 1:]], dim=1), *inputs)


@fault("is_finite_at_the_start")
class HugeWeights:
    def __init__(self, **structure):
        super().__init__(**structure)
        with torch.no_grad():
            self.mix.weight.normal_(std=1e5)


@fault("is_finite_at_the_start")
class LargeOffset(After):
    def after(self, out, inputs):
        return out + 5000.0 * (1 + 0 * out)


@fault("is_finite_for_large_inputs")
class NaiveExponential(After):
    def after(self, out, inputs):
        return out + 1e-3 * out.clamp(min=0).exp().log1p()


@fault("is_finite_for_large_inputs")
class DividesByItsNorm(After):
    def after(self, out, inputs):
        size = inputs[0].square().sum((1, 2), keepdim=True).sqrt()
        return out * size / size


@fault("follows_the_seed")
class NoiseOfItsOwn(After):
    def after(self, out, inputs):
        return out + random.random()


@fault("follows_the_seed")
class WeightsOfAnotherGenerator:
    def __init__(self, **structure):
        super().__init__(**structure)
        with torch.no_grad():
            self.mix.weight.mul_(1 + 0.1 * random.random())


@fault("keeps_batch_items_apart")
class SubtractsTheMeanOfTheBatch(After):
    def after(self, out, inputs):
        return out - out.mean(0, keepdim=True)


@fault("keeps_batch_items_apart")
class BatchNorm(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.norm = nn.BatchNorm1d(self.mix.out_features, track_running_stats=False)

    def after(self, out, inputs):
        return self.norm(out.transpose(1, 2).contiguous()).transpose(1, 2)


@fault("leaves_its_input_alone")
class WritesToItsInput(After):
    def after(self, out, inputs):
        if not torch.is_grad_enabled():
            inputs[0].mul_(2.0)
        return out


@fault("leaves_its_input_alone")
class ClampsItsInputInTraining(nn.Module):
    def forward(self, first, *inputs):
        if self.training and torch.is_grad_enabled() and not first.requires_grad:
            first.clamp_(-2.0, 2.0)
        return super().forward(first, *inputs)


@fault("has_weights_for_any_graph")
class ParameterForEachNode(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        nodes = structure.get("nodes") or structure["target"]
        self.place = nn.Parameter(torch.zeros(len(nodes), 1))

    def after(self, out, inputs):
        return out + self.place


@fault("has_weights_for_any_graph")
class PersistentEdges:
    def __init__(self, **structure):
        super().__init__(**structure)
        self.register_buffer("all_edges", structure["edges"].source)


@fault("is_determined_by_its_weights")
class HiddenState(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        self.register_buffer("shift", torch.randn(1), persistent=False)

    def after(self, out, inputs):
        return out + self.shift


@fault("fits_a_checkpoint")
class ExtraState:
    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        pass


@fault("fits_a_checkpoint")
class RemarksAmongWeights:
    def state_dict(self, *arguments, **options):
        return {**super().state_dict(*arguments, **options), "remark": "as of today"}

    def load_state_dict(self, state, **options):
        return super().load_state_dict({k: v for k, v in state.items() if k != "remark"}, **options)


class SharedWeights:
    """Has two names for the same weights, which a checkpoint keeps twice."""

    def __init__(self, **structure):
        super().__init__(**structure)
        self.again = self.mix


class RoundsOtherwiseWhenCompiled(After):
    """Has a weight whose gradient is nothing but rounding, as that of a bias of keys of attention is."""

    capabilities = frozenset({Capability.COMPILE})

    def __init__(self, **structure):
        super().__init__(**structure)
        self.shift = nn.Parameter(torch.ones(()))

    def after(self, out, inputs):
        return out + (1e-9 if torch.compiler.is_compiling() else 2e-9) * self.shift


for mixin in (SharedWeights, RoundsOtherwiseWhenCompiled):
    for kind, base in BASES.items():
        RIGHT[kind].append(type(f"{mixin.__name__}{base.__name__}", (mixin, base), {}))


@fault("takes_isolated_nodes")
class DividesByTheDegree(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        nodes = structure.get("nodes") or structure["target"]
        degree = structure["edges"].row_pointers(len(nodes)).diff()[:, None].float()
        self.register_buffer("degree", degree, persistent=False)

    def after(self, out, inputs):
        return out + 1.0 / self.degree


@fault("takes_isolated_nodes")
class CountsNodesByTheLastEdge:
    def __init__(self, **structure):
        super().__init__(**structure)
        self.mean.share = self.mean.share[: int(structure["edges"].target.max()) + 1]


@fault("takes_a_single_node")
class NormalisesOverNodes(After):
    def after(self, out, inputs):
        return (out - out.mean(1, keepdim=True)) / (out.std(1, keepdim=True) + 1e-6)


@fault("takes_a_single_node")
class NeedsTwoEdges:
    def __init__(self, **structure):
        super().__init__(**structure)
        if len(structure["edges"]) < 2:
            raise ValueError("two edges at least")


@fault("takes_uneven_degrees")
class RoomForFiveEdges:
    def __init__(self, **structure):
        super().__init__(**structure)
        nodes = structure.get("nodes") or structure["target"]
        if structure["edges"].row_pointers(len(nodes)).diff().max() > 5:
            raise ValueError("at most five edges for a node")


@fault("takes_uneven_degrees")
class OverflowsAtManyEdges(After):
    def __init__(self, **structure):
        super().__init__(**structure)
        nodes = structure.get("nodes") or structure["target"]
        degree = structure["edges"].row_pointers(len(nodes)).diff()[:, None].float()
        self.register_buffer("factor", (degree * 10).exp() * 1e-30, persistent=False)

    def after(self, out, inputs):
        return out + self.factor


@fault("options_survive_a_configuration")
class OptionThatIsNotJson:
    def __init__(self, *, scale: complex = 1j, **structure):
        super().__init__(**structure)


@fault("options_survive_a_configuration")
class DefaultOfAnotherType:
    def __init__(self, *, scale: int = 1.5, **structure):
        super().__init__(**structure)


@fault("compiles")
class BranchesOnValues(After):
    capabilities = frozenset({Capability.COMPILE})

    def after(self, out, inputs):
        print(end="")
        return out if sum(inputs[0].shape) else out + torch.ones(1).item()


@fault("exports")
class CannotBeExported(After):
    capabilities = frozenset({Capability.EXPORT})

    def after(self, out, inputs):
        if torch.compiler.is_compiling():
            raise RuntimeError("not me")
        return out


@fault("compiles")
class OtherGradientsWhenCompiled(After):
    capabilities = frozenset({Capability.COMPILE})

    def after(self, out, inputs):
        return 2.0 * out - out.detach() if torch.compiler.is_compiling() else out


@fault("has_linear_memory")
class AllPairsBackwards(After):
    """Makes its matrix where gradients flow alone."""

    capabilities = frozenset({Capability.LINEAR_MEMORY})

    def after(self, out, inputs):
        if out.requires_grad:
            out.register_hook(lambda gradient: gradient + 0.0 * (gradient[0] @ gradient[0].T).mean())
        return out


@fault("has_linear_memory")
class KeepsAllPairs:
    """Keeps one matrix of all pairs of nodes, and makes none."""

    capabilities = frozenset({Capability.LINEAR_MEMORY})

    def __init__(self, **structure):
        super().__init__(**structure)
        nodes = len(structure.get("nodes") or structure["target"])
        self.register_buffer("pairs", torch.zeros(nodes, nodes, dtype=torch.int8), persistent=False)


@fault("has_linear_memory")
class AllPairs(After):
    capabilities = frozenset({Capability.LINEAR_MEMORY})

    def after(self, out, inputs):
        one = out[..., :1]
        return out + 0.0 * (one @ one.transpose(1, 2)).mean(-1, keepdim=True)


class Conditioned:
    """Adds a linear function of the condition; right as it is."""

    capabilities = frozenset({Capability.CONDITION, Capability.COMPILE, Capability.EXPORT})

    def __init__(self, *, condition_channels: int = 0, **structure):
        super().__init__(**structure)
        self.conditions = condition_channels
        self.shift = nn.Linear(condition_channels, self.mix.out_features) if condition_channels else None

    def forward(self, *inputs, condition=None):
        features, condition = inputs[: self.num_features], (*inputs[self.num_features :], condition)[0]
        self.check(condition)
        out = super().forward(*features)
        return out if condition is None else self.shifted(out, condition)

    def check(self, condition):
        if (0 if condition is None else condition.shape[-1]) != self.conditions:
            raise ConfigError(f"Built for {self.conditions} conditions.")

    def shifted(self, out, condition):
        return out + self.shift(condition)[:, None]


class ConditionedProcessor(Conditioned, MeanProcessor):
    num_features = 1


class ConditionedMapper(Conditioned, MeanMapper):
    num_features = 2


CONDITIONED = {"processor": ConditionedProcessor, "mapper": ConditionedMapper}
RIGHT["processor"].append(ConditionedProcessor)
RIGHT["mapper"].append(ConditionedMapper)


class NodeConditionedProcessor(ConditionedProcessor):
    """Takes conditions of each node as well, ``(batch, nodes, channels)``; right as it is."""

    capabilities = frozenset({Capability.CONDITION, Capability.NODE_CONDITION})

    def shifted(self, out, condition):
        return out + self.shift(condition if condition.ndim == 3 else condition[:, None])


RIGHT["processor"].append(NodeConditionedProcessor)


@caught_by("conditions_each_node", "processor")
class AveragesNodes(NodeConditionedProcessor):
    def shifted(self, out, condition):
        return super().shifted(out, condition.mean(1) if condition.ndim == 3 else condition)


@caught_by("conditions_each_node", "processor")
class TakesNodesInAnotherOrder(NodeConditionedProcessor):
    def shifted(self, out, condition):
        return super().shifted(out, condition.flip(1) if condition.ndim == 3 else condition)


@caught_by("conditions_each_node", "processor")
class HalvesWhatNodesHave(NodeConditionedProcessor):
    def shifted(self, out, condition):
        return super().shifted(out, 0.5 * condition if condition.ndim == 3 else condition)


@fault("refuses_a_wrong_condition")
class LeavesOutTheCondition(nn.Module):
    def forward(self, *inputs):
        features = len(inputs) - any(each.ndim == 2 for each in inputs)
        return super().forward(*inputs[:features])


@fault("refuses_a_wrong_condition", CONDITIONED)
class TakesNoConditionForZero:
    def check(self, condition):
        if condition is not None:
            super().check(condition)


@fault("refuses_a_wrong_condition", CONDITIONED)
class AnotherError:
    def check(self, condition):
        if (0 if condition is None else condition.shape[-1]) != self.conditions:
            raise ValueError("wrong condition")


@fault("depends_on_its_condition", CONDITIONED)
class IgnoresItsCondition:
    def shifted(self, out, condition):
        return out + 0.0 * self.shift(condition)[:, None]


@fault("depends_on_its_condition", CONDITIONED)
class HearsTheFirstCondition:
    def shifted(self, out, condition):
        return out + self.shift(condition[:, :1].expand_as(condition))[:, None]


@fault("depends_on_its_condition", CONDITIONED)
class DetachesItsCondition:
    def shifted(self, out, condition):
        return super().shifted(out, condition.detach())


@fault("depends_on_its_condition")
class DeclaresWhatItCannot:
    capabilities = frozenset({Capability.CONDITION})


@fault("keeps_batch_items_apart", CONDITIONED)
class AveragesConditions:
    def shifted(self, out, condition):
        return super().shifted(out, condition.mean(0, keepdim=True).expand_as(condition))


@fault("moves_between_devices", CONDITIONED)
class KeepsAPlaceForTheCondition:
    def __init__(self, *, condition_channels: int = 0, **structure):
        super().__init__(condition_channels=condition_channels, **structure)
        self.scale = torch.ones(1, 1)

    def shifted(self, out, condition):
        return super().shifted(out, condition * self.scale)


@fault("works_beside_other_layers")
class CountsOnItsLayout(nn.Module):
    """Needs the first of what comes in to lie in memory node after node."""

    def forward(self, first, *inputs):
        return super().forward(first.view(-1).view(first.shape), *inputs)


@caught_by("works_beside_other_layers", "mapper")
class EncoderOnly(MeanMapper):
    """Knows only graphs with more sources than targets."""

    capabilities = frozenset()

    def __init__(self, **structure):
        super().__init__(**structure)
        if len(structure["source"]) < len(structure["target"]):
            raise ValueError("more targets than sources")


@caught_by("works_beside_other_layers", "processor")
class AtMostFiveItems(MeanProcessor):
    """Has room for a batch, but not for the members of an ensemble."""

    capabilities = frozenset()

    def forward(self, x, condition=None):
        if x.shape[0] > 5:
            raise RuntimeError("out of room")
        return super().forward(x, condition)
