"""Layers. Each fault is a mixin, put in front of a processor and of a mapper that are right."""

import random

import torch
from torch import nn

from anemoi.core.interfaces import Capability
from anemoi.core.testing._reference import MeanMapper, MeanProcessor

from . import RIGHT, caught_by

BASES = {"processor": MeanProcessor, "mapper": MeanMapper}
RIGHT["processor"].append(MeanProcessor)
RIGHT["mapper"].append(MeanMapper)


def fault(check):
    """Make a wrong processor and a wrong mapper out of a mixin."""

    def make(mixin):
        for kind, base in BASES.items():
            wrong = type(
                f"{mixin.__name__}{base.__name__}",
                (mixin, base),
                {"__module__": __name__, "capabilities": mixin.__dict__.get("capabilities", frozenset())},
            )
            caught_by(check, kind)(wrong)
        return mixin

    return make


class After(nn.Module):
    """Does something to what comes out."""

    def forward(self, *inputs, condition=None):
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
    def forward(self, *inputs, condition=None):
        return super().forward(*(each.detach() for each in inputs))


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
class SharedWeights:
    def __init__(self, **structure):
        super().__init__(**structure)
        self.again = self.mix


@fault("fits_a_checkpoint")
class ExtraState:
    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        pass


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


@fault("has_linear_memory")
class AllPairs(After):
    capabilities = frozenset({Capability.LINEAR_MEMORY})

    def after(self, out, inputs):
        one = out[..., :1]
        return out + 0.0 * (one @ one.transpose(1, 2)).mean(-1, keepdim=True)


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
        return super().forward(x)
