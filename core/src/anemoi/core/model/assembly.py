"""From a configuration, domains and a graph to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .. import config
from ..config import constructor_of, is_same_component
from ..domain import Domain
from ..errors import ConfigError
from ..graph import DATA as DATA
from ..graph import Graph
from ..interfaces.capability import Capability
from ..interfaces.model import Model
from ..interfaces.objective import Objective
from ..steps import Steps
from ..transforms import build_chain
from .forecast_model import ForecastModel


def transforms_of(configuration: Mapping[str, Any], domain: str) -> dict[str, Mapping[str, Any]]:
    """The chain of one domain in a configuration: that of all domains, with its own changes.

    A domain that names another transform under a label takes none of the options of the common one.
    """
    own = (configuration.get("domains") or {}).get(domain, {}).get("transforms") or {}
    common = configuration.get("transforms") or {}
    changed = {
        name: {**common[name], **spec} if is_same_component(common.get(name, {}), spec) else spec
        for name, spec in own.items()
    }
    return {**common, **changed}


def assemble(
    configuration: Mapping[str, Any],
    *,
    domains: Mapping[str, Domain],
    steps: Mapping[str, Steps],
    graph: Graph | None,
    objective: Objective,
    trust_code: bool = True,
) -> ForecastModel:
    """Build the model that a training configuration describes, with fresh weights.

    Parameters
    ----------
    configuration
        Its keys ``model``, ``transforms`` and ``domains``.
    domains
        As the data have them.
    steps
        When the states lie that one step takes and gives.
    graph
        Nodes named by domain, hidden ones, and edges; None for a model without one.
    objective
        What the model is trained by: it may condition the network, and give it more than the data have.
    trust_code
        Whether a ``_target_`` in the configuration may be imported.

    Raises
    ------
    ConfigError, PluginError
        If a component is unknown or absent, or an option is not one that it takes.
    """
    chains = {
        name: build_chain(transforms_of(configuration, name), domain, trust_code=trust_code)
        for name, domain in domains.items()
    }
    spec = configuration["model"]
    check_condition(objective, model_class(spec, trust_code=trust_code))
    network = config.build(
        "model",
        spec,
        trust_code=trust_code,
        domains=objective.network_domains({name: chain.after for name, chain in chains.items()}),
        graph=graph,
        steps=steps,
        condition_channels=objective.condition_channels,
        **({"condition_on_nodes": True} if objective.condition_on_nodes else {}),
    )
    return ForecastModel(network=cast(Model, network), transforms=chains, steps=steps, objective=objective)


def check_condition(objective: Objective, model: type[Model]) -> None:
    """Check that a model takes the condition that an objective gives it.

    Raises
    ------
    ConfigError
        If it does not.
    """
    channels = objective.condition_channels
    if channels and Capability.CONDITION not in model.capabilities:
        raise ConfigError(
            f"The objective conditions the model on {channels} numbers, but the model takes no condition.",
            fix="Choose a model that declares Capability.CONDITION, or an objective without noise.",
        )
    if objective.condition_on_nodes and Capability.NODE_CONDITION not in model.capabilities:
        raise ConfigError(
            f"The objective conditions each hidden node on {channels} numbers, but the model takes a "
            "condition for a whole member alone.",
            fix="Choose a model that declares Capability.NODE_CONDITION, such as encoder-processor-decoder, "
            "or noise that is the same everywhere: objective.noise=global.",
        )


def model_class(spec: Mapping[str, Any], *, trust_code: bool) -> type[Model]:
    """The class of the model that a configuration names."""
    return cast("type[Model]", constructor_of("model", spec, trust_code=trust_code))
