"""The checks of the numbers that a layer makes: their types, their gradients, what they depend on."""

from __future__ import annotations

import torch
from anemoi.core.graph import DATA, HIDDEN

from ._check import BrokenContractError, NotApplicableError, Subject, contract, require
from ._layer_runs import (
    TOLERANCE,
    LeftBehind,
    backward,
    build,
    graph_for,
    inputs,
    perturbed,
    relative_difference,
    run,
)

RUNS = ("keeps_its_shape",)


@contract(after=RUNS)
def keeps_float32(subject: Subject) -> None:
    """Float32 in gives float32 out, with parameters in float32."""
    graph = graph_for(subject)
    layer = build(subject, graph)
    others = {name: p.dtype for name, p in layer.named_parameters() if p.dtype != torch.float32}
    require(not others, f"these parameters are not float32: {others}")
    out = run(layer, inputs(subject, graph))
    require(out.dtype == torch.float32, f"{out.dtype} comes out")


@contract(after=(*RUNS, "keeps_float32", "follows_the_seed"))
def runs_in_float64(subject: Subject) -> None:
    """After ``to(torch.float64)`` it takes and gives float64, forwards and backwards, the same result."""
    graph = graph_for(subject)
    layer, given = build(subject, graph), inputs(subject, graph)
    expected = run(layer, given)
    out = run(layer.to(torch.float64), [each.double() for each in given])
    require(out.dtype == torch.float64, f"{out.dtype} comes out")
    require(
        relative_difference(out, expected) < TOLERANCE,
        f"the result is {relative_difference(out, expected):.2g} of its size off",
    )
    backward(out.sum())


@contract(after=(*RUNS, "keeps_float32", "follows_the_seed"))
def runs_in_bfloat16(subject: Subject) -> None:
    """Under autocast to bfloat16 it runs forwards and backwards, and gives the same but for rounding."""
    graph = graph_for(subject)
    layer, given = build(subject, graph), inputs(subject, graph)
    exact = run(layer, given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = run(layer, given)
    allowed = (torch.bfloat16, torch.float32)
    require(rounded.dtype in allowed, f"{rounded.dtype} comes out")
    backward(rounded.float().sum())
    require(
        relative_difference(rounded, exact) < 0.1,
        f"the result is {relative_difference(rounded, exact):.2g} of its size off",
    )


@contract(after=RUNS)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    graph = graph_for(subject)
    layer, given = build(subject, graph), inputs(subject, graph)
    if torch.cuda.is_available():
        expected = run(layer, given)
        there = run(layer.cuda(), [each.cuda() for each in given]).cpu()
        require(
            relative_difference(there, expected) < 0.01,
            f"the result on a GPU is {relative_difference(there, expected):.2g} off",
        )
    # The meta device stands for any other: it takes no memory and needs no hardware.
    layer, given = layer.to("meta"), tuple(each.to("meta") for each in given)
    with LeftBehind("meta") as watch:
        try:
            run(layer, given)
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
    graph = graph_for(subject)
    layer = perturbed(build(subject, graph))
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
    """What comes in receives a finite gradient, on every node that an edge leads from."""
    graph = graph_for(subject)
    given = [each.requires_grad_() for each in inputs(subject, graph)]
    layer = perturbed(build(subject, graph))
    out = run(layer, given)
    require(out.requires_grad, "what comes out has no gradient at all")
    backward(out.square().sum())
    gradient = given[0].grad
    if gradient is None:
        raise BrokenContractError("no gradient reaches what came in")
    require(gradient.isfinite().all(), "the gradient of what came in is not finite")
    heard = set(graph.edges[HIDDEN if subject.kind == "processor" else DATA, HIDDEN].source.tolist())
    reached = set(gradient.any(dim=2).any(dim=0).nonzero()[:, 0].tolist())
    without = sorted(heard - reached)
    require(not without, f"no gradient reaches what came in on the nodes {without}, which edges lead from")


@contract(after=RUNS)
def is_finite_at_the_start(subject: Subject) -> None:
    """With fresh weights, inputs of order one give finite values of moderate size (below 1000)."""
    graph = graph_for(subject)
    for seed in range(3):
        out = run(build(subject, graph, seed=seed), inputs(subject, graph)).detach()
        require(
            out.isfinite().all(), f"{int((~out.isfinite()).sum())} of {out.numel()} values are not finite"
        )
        require(out.abs().max() < 1000, f"the largest value is {float(out.abs().max()):.3g}")


@contract(after=RUNS)
def is_finite_for_large_inputs(subject: Subject) -> None:
    """Inputs ten thousand times as large as usual, or all zero, give finite values and gradients."""
    graph = graph_for(subject)
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
    graph = graph_for(subject)
    given = inputs(subject, graph)
    one, other = build(subject, graph, seed=5), build(subject, graph, seed=5)
    pairs = zip(one.named_parameters(), other.parameters(), strict=True)
    differing = [name for (name, value), again in pairs if not torch.equal(value, again)]
    require(not differing, f"two builds with one seed differ in {', '.join(differing)}")
    require(torch.equal(run(one, given), run(one, given)), "two runs with one seed differ")


@contract(after=(*RUNS, "follows_the_seed"))
def keeps_batch_items_apart(subject: Subject) -> None:
    """What one item of the batch holds has no effect on another, while training too."""
    graph = graph_for(subject)
    given = inputs(subject, graph, batch=3)
    changed = [torch.cat([each[:1], -7.0 * each[1:]]) for each in given]
    for mode in (True, False):
        layer = build(subject, graph).train(mode)
        effect = relative_difference(run(layer, changed)[:1], run(layer, given)[:1])
        require(effect < TOLERANCE, f"changing the others changes an item by {effect:.2g} of its size")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """What comes in is the same after as before, with gradients and without."""
    graph = graph_for(subject)
    given = inputs(subject, graph)
    before = [each.clone() for each in given]
    for training in (True, False):
        with torch.set_grad_enabled(training):
            run(build(subject, graph).train(training), given)
        same = all(map(torch.equal, given, before))
        require(same, "the tensor that came in was written to")
