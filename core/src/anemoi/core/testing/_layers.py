"""The checks of layers: processors and mappers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import safetensors.torch
import torch

from ..graph import Graph
from ..interfaces.capability import Capability
from ._bench import (
    Allocated,
    LeftBehind,
    apart,
    backward,
    build,
    inputs,
    output_shape,
    run,
    shapes,
    stirred,
)
from ._check import Check, NotApplicableError, Subject, contract, require
from ._graphs import (
    graph_of_one_node,
    graph_of_uneven_degree,
    graph_with_isolated_nodes,
    small_graph,
)
from ._options import from_configuration, options_are_declared, require_options
from ._whole_model import works_beside_other_layers

TOLERANCE = 1e-4
"""How far two results may be apart that differ in rounding alone."""

BUILT = ("builds",)
RUNS = ("keeps_its_shape",)


@contract()
def builds(subject: Subject) -> None:
    """It is built from the arguments of its interface, by name, and its own options."""
    require_options(subject)
    build(subject, small_graph())


@contract(after=BUILT)
def keeps_its_shape(subject: Subject) -> None:
    """What comes out has the shape that the interface promises, for one item and for several."""
    graph = small_graph()
    for batch in (1, 3):
        out = run(build(subject, graph), inputs(subject, graph, batch=batch))
        expected = output_shape(subject, graph, batch=batch)
        require(out.shape == expected, f"{tuple(out.shape)} comes out instead of {expected}")


@contract(after=RUNS)
def keeps_float32(subject: Subject) -> None:
    """Float32 in gives float32 out, with parameters in float32."""
    graph = small_graph()
    layer = build(subject, graph)
    others = {name: p.dtype for name, p in layer.named_parameters() if p.dtype != torch.float32}
    require(not others, f"these parameters are not float32: {others}")
    out = run(layer, inputs(subject, graph))
    require(out.dtype == torch.float32, f"{out.dtype} comes out")


@contract(after=(*RUNS, "keeps_float32", "follows_the_seed"))
def runs_in_bfloat16(subject: Subject) -> None:
    """Under autocast to bfloat16 it runs forwards and backwards, and gives the same but for rounding."""
    graph = small_graph()
    layer, given = build(subject, graph), inputs(subject, graph)
    exact = run(layer, given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = run(layer, given)
    allowed = (torch.bfloat16, torch.float32)
    require(rounded.dtype in allowed, f"{rounded.dtype} comes out")
    backward(rounded.float().sum())
    require(apart(rounded, exact) < 0.1, f"the result is {apart(rounded, exact):.2g} of its size off")


@contract(after=RUNS)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    graph = small_graph()
    layer, given = build(subject, graph), inputs(subject, graph)
    if torch.cuda.is_available():
        expected = run(layer, given)
        there = run(layer.cuda(), [each.cuda() for each in given]).cpu()
        require(apart(there, expected) < 0.01, f"the result on a GPU is {apart(there, expected):.2g} off")
    # The meta device stands for any other: it takes no memory and needs no hardware.
    layer, given = layer.to("meta"), tuple(each.to("meta") for each in given)
    with LeftBehind("meta") as watch:
        try:
            layer(*given)
        except Exception as error:
            if not watch.found and not torch.cuda.is_available():
                raise NotApplicableError(
                    "its operations depend on values, so it runs on no device but a real one, "
                    f"and there is no other here: {error}"
                ) from error
    require(not watch.found, f"after to(device), {watch.found}")


@contract(after=RUNS)
def gradients_reach_all_parameters(subject: Subject) -> None:
    """Every parameter that can be trained receives a finite gradient."""
    graph = small_graph()
    layer = stirred(build(subject, graph))
    backward(run(layer, inputs(subject, graph)).square().sum())
    trained = {name: p.grad for name, p in layer.named_parameters() if p.requires_grad}
    without = [name for name, gradient in trained.items() if gradient is None]
    require(not without, f"no gradient reaches {', '.join(without)}")
    odd = [
        name for name, gradient in trained.items() if gradient is not None and not gradient.isfinite().all()
    ]
    require(not odd, f"the gradients of {', '.join(odd)} are not finite")


@contract(after=RUNS)
def gradients_reach_the_input(subject: Subject) -> None:
    """What comes in receives a finite gradient, on every node that anything is made of."""
    graph = small_graph()
    given = [each.requires_grad_() for each in inputs(subject, graph)]
    layer = stirred(build(subject, graph))
    out = run(layer, given)
    require(out.requires_grad, "what comes out has no gradient at all")
    backward(out.square().sum())
    gradient = given[0].grad
    require(gradient is not None and bool(gradient.any()), "no gradient reaches what came in")
    require(gradient is not None and gradient.isfinite().all(), "the gradient of what came in is not finite")


@contract(after=RUNS)
def is_finite_at_the_start(subject: Subject) -> None:
    """With fresh weights, inputs of order one give finite values of moderate size (below 1000)."""
    graph = small_graph()
    for seed in range(3):
        out = run(build(subject, graph, seed=seed), inputs(subject, graph)).detach()
        require(
            out.isfinite().all(), f"{int((~out.isfinite()).sum())} of {out.numel()} values are not finite"
        )
        require(out.abs().max() < 1000, f"the largest value is {float(out.abs().max()):.3g}")


@contract(after=RUNS)
def is_finite_for_large_inputs(subject: Subject) -> None:
    """Inputs ten thousand times as large as usual, or all zero, give finite values and gradients."""
    graph = small_graph()
    layer = build(subject, graph)
    for scale in (1e4, 0.0):
        given = [(scale * each).requires_grad_() for each in inputs(subject, graph)]
        out = run(layer, given)
        require(out.isfinite().all(), f"inputs of size {scale:g} give values that are not finite")
        backward(out.sum())
        gradients = [each.grad for each in given if each.grad is not None]
        finite = all(bool(each.isfinite().all()) for each in gradients)
        require(finite, f"inputs of size {scale:g} give gradients that are not finite")


@contract(after=RUNS)
def follows_the_seed(subject: Subject) -> None:
    """With one seed of torch, two builds have the same weights, and two runs give the same bits."""
    graph = small_graph()
    given = inputs(subject, graph)
    one, other = build(subject, graph, seed=5), build(subject, graph, seed=5)
    pairs = zip(one.named_parameters(), other.parameters(), strict=True)
    differing = [name for (name, value), again in pairs if not torch.equal(value, again)]
    require(not differing, f"two builds with one seed differ in {', '.join(differing)}")
    require(torch.equal(run(one, given), run(one, given)), "two runs with one seed differ")


@contract(after=(*RUNS, "follows_the_seed"))
def keeps_batch_items_apart(subject: Subject) -> None:
    """What one item of the batch holds has no effect on another, while training too."""
    graph = small_graph()
    given = inputs(subject, graph, batch=3)
    changed = [torch.cat([each[:1], -7.0 * each[1:]]) for each in given]
    for mode in (True, False):
        layer = build(subject, graph).train(mode)
        effect = apart(run(layer, changed)[:1], run(layer, given)[:1])
        require(effect < TOLERANCE, f"changing the others changes an item by {effect:.2g} of its size")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """What comes in is the same after as before."""
    graph = small_graph()
    given = inputs(subject, graph)
    before = [each.clone() for each in given]
    with torch.no_grad():
        run(build(subject, graph), given)
    same = all(map(torch.equal, given, before))
    require(same, "the tensor that came in was written to")


@contract(after=RUNS)
def has_weights_for_any_graph(subject: Subject) -> None:
    """The number and shapes of its weights do not depend on the graph, so that they run on another."""
    small, large = small_graph(), small_graph(data=70, hidden=33)
    one, other = build(subject, small), build(subject, large)
    here, there = shapes(one.state_dict()), shapes(other.state_dict())
    differing = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    require(not differing, f"these depend on the size of the graph: {', '.join(sorted(differing))}")
    other.load_state_dict(one.state_dict())
    out = run(other, inputs(subject, large))
    require(out.shape == output_shape(subject, large), "its output has the shape of another graph")


@contract(after=(*RUNS, "follows_the_seed"))
def is_determined_by_its_weights(subject: Subject) -> None:
    """A fresh one that loads the ``state_dict`` of another gives what the other gives."""
    graph = small_graph()
    given = inputs(subject, graph)
    layer, fresh = stirred(build(subject, graph)), build(subject, graph, seed=9)
    fresh.load_state_dict(layer.state_dict())
    difference = apart(run(fresh.eval(), given), run(layer.eval(), given))
    require(difference < TOLERANCE, f"its result is {difference:.2g} of its size off")


@contract(after=(*RUNS, "is_determined_by_its_weights"))
def fits_a_checkpoint(subject: Subject) -> None:
    """Its ``state_dict`` holds plain tensors only, so that it is written to safetensors and read back."""
    layer = stirred(build(subject, small_graph()))
    state = layer.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    require(not odd, f"these are no tensors: {', '.join(odd)}")
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        path = Path(folder, "weights.safetensors")
        safetensors.torch.save_file(state, path)
        read = safetensors.torch.load_file(path)
    differing = [name for name, value in state.items() if not torch.equal(read[name], value)]
    require(not differing, f"these are read back otherwise: {', '.join(differing)}")


def _runs_on(subject: Subject, graph: Graph) -> None:
    given = [each.requires_grad_() for each in inputs(subject, graph)]
    out = run(build(subject, graph), given)
    expected = output_shape(subject, graph)
    require(out.shape == expected, f"{tuple(out.shape)} comes out instead of {expected}")
    require(out.isfinite().all(), f"{int((~out.isfinite()).sum())} of {out.numel()} values are not finite")
    backward(out.sum())
    gradient = given[0].grad
    require(gradient is None or gradient.isfinite().all(), "the gradient of what came in is not finite")


@contract(after=RUNS)
def takes_isolated_nodes(subject: Subject) -> None:
    """It runs where some nodes have no edges, the last among them, and gives finite values there too."""
    _runs_on(subject, graph_with_isolated_nodes())


@contract(after=RUNS)
def takes_a_single_node(subject: Subject) -> None:
    """It runs on a graph of one node."""
    _runs_on(subject, graph_of_one_node())


@contract(after=RUNS)
def takes_uneven_degrees(subject: Subject) -> None:
    """It runs where one node hears all others, and all others hear one."""
    _runs_on(subject, graph_of_uneven_degree())


@contract(after=(*RUNS, "follows_the_seed"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    given = from_configuration(subject)
    graph = small_graph()
    bare, written = build(subject, graph), build(replace(subject, options=given), graph)
    same = shapes(bare.state_dict()) == shapes(written.state_dict())
    require(same, "with its defaults written out it has other weights")
    difference = apart(run(written, inputs(subject, graph)), run(bare, inputs(subject, graph)))
    require(difference < TOLERANCE, "with its defaults written out it gives something else")


@contract(after=(*RUNS, "follows_the_seed"), needs=Capability.COMPILE)
def compiles(subject: Subject) -> None:
    """``torch.compile`` takes it in one piece, and the result, forwards and backwards, is the same."""
    graph = small_graph()
    layer, given = build(subject, graph), inputs(subject, graph)
    expected = run(layer, given)
    # This backend traces all that a compiler would be given, in seconds; it needs no compiler.
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    out: torch.Tensor = compiled(*given)
    backward(out.sum())
    require(apart(out, expected) < TOLERANCE, f"the result is {apart(out, expected):.2g} of its size off")


@contract(after=(*RUNS, "follows_the_seed"), needs=Capability.EXPORT)
def exports(subject: Subject) -> None:
    """``torch.export`` takes it, and the result is the same."""
    graph = small_graph()
    layer, given = build(subject, graph).eval(), inputs(subject, graph)
    exported = torch.export.export(layer, given).module()
    difference = apart(run(exported, given), run(layer, given))
    require(difference < TOLERANCE, f"the result is {difference:.2g} of its size off")


@contract(after=RUNS, needs=Capability.LINEAR_MEMORY)
def has_linear_memory(subject: Subject) -> None:
    """On a graph with four times as many nodes and edges it makes tensors of at most five times the size."""
    needed = []
    for size in (1, 4):
        graph = small_graph(data=1500 * size, hidden=1000 * size)
        layer = build(subject, graph)
        constants = sum(each.numel() * each.element_size() for each in layer.buffers())
        with Allocated() as made, torch.no_grad():
            run(layer, inputs(subject, graph, batch=1))
        needed.append(constants + made.bytes)
    ratio = needed[1] / needed[0]
    require(ratio < 5, f"it makes {ratio:.1f} times as much: {needed[0]:.3g} bytes, then {needed[1]:.3g}")


LAYER_CHECKS: Final = (
    options_are_declared,
    builds,
    keeps_its_shape,
    keeps_float32,
    runs_in_bfloat16,
    moves_between_devices,
    gradients_reach_all_parameters,
    gradients_reach_the_input,
    is_finite_at_the_start,
    is_finite_for_large_inputs,
    follows_the_seed,
    keeps_batch_items_apart,
    leaves_its_input_alone,
    has_weights_for_any_graph,
    is_determined_by_its_weights,
    fits_a_checkpoint,
    takes_isolated_nodes,
    takes_a_single_node,
    takes_uneven_degrees,
    options_survive_a_configuration,
    compiles,
    exports,
    has_linear_memory,
    works_beside_other_layers,
)

CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {"processor": LAYER_CHECKS, "mapper": LAYER_CHECKS}
