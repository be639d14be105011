"""A forecast with a model at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from anemoi.core.config import Component, Spec
from anemoi.core.errors import ConfigError
from pydantic import Field

from ..dates import check_dates
from ..job import Choice, Job, Offered, Progress, Workspace
from .terms import Area, Date, Duration, check_area, check_lead_time, check_names


class ForecastJob(Job):
    """Makes a forecast.

    Parameters
    ----------
    model
        The model, one of those at hand.
    start
        When it starts, UTC: 2025-12-22T00.
    lead_time
        How far it goes: 72h, 10d.
    source
        Where the initial state is read; the data that the model was trained on if none is given.
    members
        How many ensemble members.
    perturbation
        What gives each member but the first an initial state of its own.
    seed
        Of random numbers.
    area
        The area that is kept, in degrees: north, west, south, east; the whole domain if none is given.
    variables
        The variables that are kept; all if none is given.
    statistics
        Which statistics of the members are written too, in a file of their own.
    quantiles
        Which quantiles of the members are written there, from 0 to 1.
    above
        Thresholds of variables, in their units: there is written how probable it is that they are exceeded.
    output
        The format of the file.
    """

    title = "Forecast"

    def __init__(
        self,
        *,
        model: Annotated[str, Choice("model")],
        start: Date,
        lead_time: Duration = "72h",
        source: Annotated[str | None, Choice("source")] = None,
        members: Annotated[int, Field(ge=1, le=100)] = 1,
        perturbation: Annotated[Spec | None, Component("perturbation")] = None,
        seed: Annotated[int, Field(ge=0)] = 0,
        area: Area | None = None,
        variables: list[str] | None = None,
        statistics: list[Literal["mean", "spread"]] | None = None,
        quantiles: list[Annotated[float, Field(ge=0, le=1)]] | None = None,
        above: Mapping[str, list[float]] | None = None,
        output: Annotated[str, Choice("output")] = "zarr",
    ) -> None:
        chances = {"mean": "mean" in (statistics or ()), "spread": "spread" in (statistics or ())}
        self.together = {**chances, "quantiles": quantiles or [], "above": dict(above or {})}
        self.model, self.start, self.lead_time, self.source = model, start, lead_time, source
        self.members, self.perturbation, self.seed = members, perturbation, seed
        self.area, self.variables, self.output = area, variables, output

    def check(self, offered: Offered) -> None:
        """See :meth:`.Job.check`."""
        check_lead_time(self.lead_time)
        check_area(self.area)
        check_names(variables=self.variables)
        if self.members == 1 and any(self.together.values()):
            raise ConfigError(
                "members: statistics and probabilities need two members at least.", fix="Write members: 10."
            )
        source = None if self.source is None else offered.source(self.source)
        check_dates(offered.model(self.model), self.start, self.lead_time, source)

    def command(self, workspace: Workspace) -> Sequence[str]:
        """See :meth:`.Job.command`."""
        select = {"area": self.area and list(self.area), "variables": self.variables}
        select = {key: value for key, value in select.items() if value}
        kept = [{"name": "select", **select}] if select else []
        outputs = [self._output(workspace, "forecast", kept)]
        if any(self.together.values()):
            outputs.append(
                self._output(workspace, "ensemble", [*kept, {"name": "ensemble", **self.together}])
            )
        suite = {
            "checkpoint": str(workspace.model(self.model)),
            "dates": self.start,
            "lead_time": self.lead_time,
            "members": self.members,
            "seeds": [self.seed],
            "perturbation": self.perturbation and dict(self.perturbation),
            "restart": True,
            "outputs": outputs,
        }
        if self.source is not None:
            suite["source"] = dict(workspace.source(self.source))
        (workspace.directory / self.results).mkdir(exist_ok=True)
        (workspace.directory / "suite.yaml").write_text(json.dumps(suite, indent=1), encoding="utf-8")
        return ["forecast", "suite.yaml", "--log-json", self.events]

    def _output(self, workspace: Workspace, name: str, steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "path": f"{self.results}/{name}.{self.output}",
            "output": dict(workspace.output(self.output)),
            "postprocess": list(steps),
        }

    def progress(self, before: Progress, event: Mapping[str, Any]) -> Progress:
        """See :meth:`.Job.progress`."""
        if event["event"] == "checked":
            return Progress(0, event["states"])
        if event["event"] == "state":
            return Progress(before.done + 1, before.total)
        return before
