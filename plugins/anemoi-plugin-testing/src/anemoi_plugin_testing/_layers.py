"""The checks of layers, processors and mappers: how they are built, on which graphs, with which weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import wraps
from typing import Final

from anemoi.core.config.options import options
from anemoi.core.graph import Graph
from anemoi.core.interfaces.capability import Capability

from ._check import BrokenContractError, Check, Subject, contract, require
from ._graphs import (
    graph_of_one_node,
    graph_of_uneven_degree,
    graph_with_isolated_nodes,
    small_graph,
)
from ._layer_abilities import (
    compiles,
    conditions_each_node,
    depends_on_its_condition,
    exports,
    has_linear_memory,
    refuses_a_wrong_condition,
)
from ._layer_numerics import (
    follows_the_seed,
    gradients_reach_all_parameters,
    gradients_reach_the_input,
    is_finite_at_the_start,
    is_finite_for_large_inputs,
    keeps_batch_items_apart,
    keeps_float32,
    leaves_its_input_alone,
    moves_between_devices,
    runs_in_bfloat16,
    runs_in_float64,
)
from ._layer_runs import (
    CONDITIONS,
    TOLERANCE,
    backward,
    build,
    conditioned,
    graph_for,
    inputs,
    output_shape,
    perturbed,
    relative_difference,
    run,
    shapes,
)
from ._options import from_configuration, options_are_declared, require_options
from ._whole_model import fits_a_checkpoint, works_beside_other_layers

BUILT = ("builds",)
RUNS = ("keeps_its_shape",)


@contract()
def builds(subject: Subject) -> None:
    """It is built from the arguments of its interface, by name, and its own options."""
    require_options(subject)
    build(subject, graph_for(subject))


@contract(after=BUILT)
def keeps_its_shape(subject: Subject) -> None:
    """What comes out has the shape that the interface promises, for one item and for several."""
    graph = small_graph()
    for batch in (1, 3):
        out = run(build(subject, graph), inputs(subject, graph, batch=batch))
        expected = output_shape(subject, graph, batch=batch)
        require(out.shape == expected, f"{tuple(out.shape)} comes out instead of {expected}")


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
    graph = graph_for(subject)
    given = inputs(subject, graph)
    layer, fresh = perturbed(build(subject, graph)), build(subject, graph, seed=9)
    fresh.load_state_dict(layer.state_dict())
    difference = relative_difference(run(fresh.eval(), given), run(layer.eval(), given))
    require(difference < TOLERANCE, f"its result is {difference:.2g} of its size off")


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
    graph = graph_for(subject)
    bare, written = build(subject, graph), build(replace(subject, options=given), graph)
    same = shapes(bare.state_dict()) == shapes(written.state_dict())
    require(same, "with its defaults written out it has other weights")
    difference = relative_difference(run(written, inputs(subject, graph)), run(bare, inputs(subject, graph)))
    require(difference < TOLERANCE, "with its defaults written out it gives something else")


def _with_a_condition_too(check: Check) -> Check:
    """The same check, made once more of a layer that can be conditioned, built for some conditions."""

    @wraps(check.function)
    def function(subject: Subject) -> None:
        check.function(subject)
        declared = Capability.CONDITION in subject.capabilities
        if declared and "condition_channels" in {*options(subject.component, kind=subject.kind)} - {
            *subject.options
        }:
            try:
                check.function(conditioned(subject))
            except BrokenContractError as violation:
                raise BrokenContractError(f"built for {CONDITIONS} conditions, {violation}") from violation

    return replace(check, function=function)


LAYER_CHECKS: Final = (
    options_are_declared,
    builds,
    keeps_its_shape,
    keeps_float32,
    runs_in_float64,
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
    refuses_a_wrong_condition,
)

_ALL: Final = (
    *map(_with_a_condition_too, LAYER_CHECKS),
    depends_on_its_condition,
    works_beside_other_layers,
)

CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "processor": (*_ALL, conditions_each_node),
    "mapper": _ALL,
}
