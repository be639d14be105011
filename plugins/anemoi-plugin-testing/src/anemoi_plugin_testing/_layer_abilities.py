"""The checks of what a layer may be able to do: be compiled, be exported, save memory, be conditioned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from anemoi.core.config.options import options
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.interfaces.capability import Capability
from torch import Tensor, nn

from ._check import Subject, contract, require
from ._graphs import small_graph
from ._layer_runs import (
    CONDITIONS,
    TOLERANCE,
    Memory,
    backward,
    build,
    condition_shape,
    conditioned,
    conditions,
    graph_for,
    inputs,
    perturbed,
    relative_difference,
    run,
)

RUNS = ("keeps_its_shape",)
SEEDED = (*RUNS, "follows_the_seed")
RESULT = "the result"


@contract(after=SEEDED, needs=Capability.COMPILE)
def compiles(subject: Subject) -> None:
    """``torch.compile`` takes it in one piece, and the result and all gradients are the same."""
    graph = graph_for(subject)
    layer, given = build(subject, graph), inputs(subject, graph)
    # This backend traces all that a compiler would be given, in seconds; it needs no compiler.
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    expected, seen = (_forwards_and_backwards(layer, way, given) for way in (layer, compiled))
    # A gradient that should be zero, as that of a bias of keys, is what rounding leaves of the others.
    gradients = [value for what, value in expected.items() if what != RESULT and value.numel()]
    least = max([1e-6, *(1e-3 * float(value.abs().max()) for value in gradients)])
    for what, value in expected.items():
        difference = relative_difference(seen[what], value, 1e-6 if what == RESULT else least)
        require(difference < TOLERANCE, f"{what} is {difference:.2g} of its size off")


def _forwards_and_backwards(
    layer: nn.Module, way: Callable[..., Tensor], given: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What comes out one way, and the gradient that each parameter then has."""
    layer.zero_grad()
    torch.manual_seed(2)
    out = way(*given)
    backward(out.square().mean())
    gradients = {
        f"the gradient of {name}": parameter.grad.clone()
        for name, parameter in layer.named_parameters()
        if parameter.grad is not None
    }
    return {RESULT: out, **gradients}


@contract(after=SEEDED, needs=Capability.EXPORT)
def exports(subject: Subject) -> None:
    """``torch.export`` takes it, and the result is the same."""
    graph = graph_for(subject)
    layer, given = build(subject, graph).eval(), inputs(subject, graph)
    exported = torch.export.export(layer, given).module()
    difference = relative_difference(run(exported, given), run(layer, given))
    require(difference < TOLERANCE, f"the result is {difference:.2g} of its size off")


@contract(after=RUNS, needs=Capability.LINEAR_MEMORY)
def has_linear_memory(subject: Subject) -> None:
    """On a graph with four times as many nodes and edges, a training step takes no more than that in memory.

    Counted is what its tensors take at once, in the forward and in the backward pass; a tenth is allowed
    for what grows otherwise.
    """
    small, large = (small_graph(data=1500 * size, hidden=1000 * size) for size in (1, 4))
    needed, more = _memory(subject, small), _memory(subject, large)
    edges = sum(map(len, large.edges.values())) / sum(map(len, small.edges.values()))
    require(
        more <= 1.1 * edges * needed,
        f"on {edges:.3g} times the edges it takes {more / needed:.3g} times the memory: "
        f"{needed / 1e6:.3g} MB, then {more / 1e6:.3g} MB",
    )


def _memory(subject: Subject, graph: Graph) -> int:
    """The bytes that a training step takes at most, with what the layer keeps of the graph."""
    layer = build(subject, graph)
    kept = sum(each.numel() * each.element_size() for each in layer.buffers())
    given = [each.requires_grad_() for each in inputs(subject, graph, batch=1)]
    memory = Memory()
    with memory:
        backward(run(layer, given).sum())
    return kept + memory.most


@contract(after=RUNS)
def refuses_a_wrong_condition(subject: Subject) -> None:
    """A condition that it was not built for is a ``ConfigError``: it is not left out in silence.

    Where it is built for some, so is one of another length, and so is none.
    """
    graph, count = graph_for(subject), conditions(subject)
    layer, given = build(subject, graph), inputs(subject, graph)
    features = given[: len(given) - bool(count)]
    wrong: dict[str, tuple[Tensor, ...]] = {
        f"a condition of {count + 1} numbers": (
            torch.ones(len(given[0]), *condition_shape(subject, count + 1)),
        )
    }
    if count:
        wrong["no condition"] = ()
    for what, condition in wrong.items():
        try:
            run(layer, (*features, *condition))
        except ConfigError:
            continue
        require(False, f"it takes {what}, and says nothing")


@contract(after=SEEDED, needs=Capability.CONDITION)
def depends_on_its_condition(subject: Subject) -> None:
    """Its option ``condition_channels`` is 0 unless given; each of so many changes the result, smoothly."""
    option = options(subject.component, kind=subject.kind).get("condition_channels")
    require(option is not None, "it has no option `condition_channels`")
    require(option is not None and option.default == 0, "its option `condition_channels` is not 0 by default")
    subject, graph = conditioned(subject), small_graph()
    layer, given = perturbed(build(subject, graph)), inputs(subject, graph)
    condition = given[-1].requires_grad_()
    out = run(layer, given)
    for index in range(CONDITIONS):
        changed = condition.detach().clone()
        changed[:, index] += 1.0
        effect = relative_difference(run(layer, (*given[:-1], changed)), out)
        require(effect > 1e-6, f"number {index} of {CONDITIONS} changes nothing")
    require(out.requires_grad, "what comes out has no gradient at all")
    backward(out.square().sum())
    gradient = condition.grad
    reached = gradient is not None and bool((gradient != 0).all() and gradient.isfinite().all())
    require(reached, f"the gradient of the condition is {gradient}")


@contract(after=("depends_on_its_condition",), needs=Capability.NODE_CONDITION)
def conditions_each_node(subject: Subject) -> None:
    """The same numbers at every node give what they give once for all; others at one node change it the most.

    More than the nodes do on average, that is: in a layer of messages its neighbours may change as much.
    """
    subject, graph = conditioned(subject), small_graph()
    layer, (x, condition) = perturbed(build(subject, graph)), inputs(subject, graph)
    everywhere = condition[:, None].expand(-1, x.shape[1], -1).clone()
    out = run(layer, (x, condition))
    difference = relative_difference(run(layer, (x, everywhere)), out)
    require(difference < TOLERANCE, f"the same numbers at each node are {difference:.2g} of the result off")
    for node in (0, x.shape[1] // 2, x.shape[1] - 1):
        changed = everywhere.clone()
        changed[0, node] += 1.0
        effect = (run(layer, (x, changed)) - out).abs().amax(dim=-1)[0]  # (nodes,)
        message = (
            f"other numbers at node {node} change it by {effect[node]:.2g}, and all by {effect.mean():.2g}"
        )
        require(bool(effect[node] > effect.mean()), message)
