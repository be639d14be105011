"""From a configuration and a graph to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .. import config
from ..forcings import check as check_forcings
from ..graph import DATA, HIDDEN, Graph
from ..interfaces.mapper import Mapper
from ..interfaces.processor import Processor
from .forecast_model import ForecastModel, ModelStatistics

INPUT_STEPS = 2
"""Two states tell the model where it is and where it is heading (as in GraphCast)."""


def assemble(
    configuration: Mapping[str, Any],
    *,
    graph: Graph,
    variables: Sequence[str],
    statistics: ModelStatistics,
    trust_code: bool = True,
) -> ForecastModel:
    """Build the model that a training configuration describes, with fresh weights.

    Parameters
    ----------
    configuration
        Its keys ``model`` (``channels``, ``encoder``, ``processor``, ``decoder``) and ``forcings``.
    graph
        With nodes ``data`` and ``hidden`` and the three sets of edges.
    variables
        The variables to forecast.
    statistics
        Of the training period.
    trust_code
        Whether a ``_target_`` in the configuration may be imported.

    Raises
    ------
    ConfigError, PluginError
        If a component is unknown or absent, or an option is not one that it takes.
    """
    model, forcings = configuration["model"], tuple(configuration["forcings"])
    check_forcings(forcings)
    channels = model["channels"]
    hidden = graph.nodes[HIDDEN]
    data_channels = ForecastModel.channels_in(variables, forcings, INPUT_STEPS)

    def mapper(spec: Mapping[str, Any], source: str, target: str, **sizes: int) -> Mapper:
        structure = {
            "source": graph.nodes[source],
            "target": graph.nodes[target],
            "channels": channels,
            **sizes,
        }
        edges = graph.edges[source, target]
        return cast(Mapper, config.build("mapper", spec, edges=edges, trust_code=trust_code, **structure))

    return ForecastModel(
        encoder=mapper(
            model["encoder"],
            DATA,
            HIDDEN,
            source_channels=data_channels,
            target_channels=3,
            out_channels=channels,
        ),
        processor=cast(
            Processor,
            config.build(
                "processor",
                model["processor"],
                nodes=hidden,
                edges=graph.edges[HIDDEN, HIDDEN],
                channels=channels,
                trust_code=trust_code,
            ),
        ),
        decoder=mapper(
            model["decoder"],
            HIDDEN,
            DATA,
            source_channels=channels,
            target_channels=data_channels,
            out_channels=len(variables),
        ),
        hidden=hidden,
        variables=variables,
        forcings=forcings,
        statistics=statistics,
        input_steps=INPUT_STEPS,
    )
