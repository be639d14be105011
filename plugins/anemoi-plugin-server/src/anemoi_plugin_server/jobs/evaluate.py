"""The verification of a model at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from anemoi.core.config import Component, Spec
from pydantic import Field

from ..job import Choice, Job, Offered, Progress, Workspace
from .terms import Area, Date, Duration, check_area, check_lead_time, check_times


class EvaluateJob(Job):
    """Verifies the forecasts of a model against the truth.

    Parameters
    ----------
    model
        The model, one of those at hand.
    start, end
        The first and the last date of the test period, UTC; the data after the training if none is given.
    lead_time
        How far the forecasts go: 48h, 5d.
    source
        Where the states are read; the data that the model was trained on if none is given.
    metrics
        The scores besides the root-mean-square error; those that fit the number of members if none is given.
    members
        How many ensemble members.
    perturbation
        What gives each member but the first an initial state of its own.
    seed
        Of random numbers.
    area
        The area that is scored, in degrees: north, west, south, east; the whole domain if none is given.
    """

    title = "Verification"

    def __init__(
        self,
        *,
        model: Annotated[str, Choice("model")],
        start: Date | None = None,
        end: Date | None = None,
        lead_time: Duration = "48h",
        source: Annotated[str | None, Choice("source")] = None,
        metrics: list[Annotated[str, Component("metric")]] | None = None,
        members: Annotated[int, Field(ge=1, le=100)] = 1,
        perturbation: Annotated[Spec | None, Component("perturbation")] = None,
        seed: Annotated[int, Field(ge=0)] = 0,
        area: Area | None = None,
    ) -> None:
        self.start, self.end, self.lead_time, self.area = start, end, lead_time, area
        self.model, self.source, self.perturbation = model, source, perturbation
        self.metrics = metrics or []
        self.given = {
            "start": start,
            "end": end,
            "lead-time": lead_time,
            "members": members,
            "seed": seed,
            "area": area and "/".join(f"{edge:g}" for edge in area),
        }

    def check(self, offered: Offered) -> None:
        """See :meth:`.Job.check`."""
        check_times(start=self.start, end=self.end)
        check_lead_time(self.lead_time)
        check_area(self.area)

    def command(self, workspace: Workspace) -> Sequence[str]:
        """See :meth:`.Job.command`."""
        results = f"{self.results}/"
        (workspace.directory / results).mkdir(exist_ok=True)
        words = [f"--{option}={value}" for option, value in self.given.items() if value is not None]
        words += [f"--metric={name}" for name in self.metrics]
        if self.perturbation is not None:
            words.append(f"--perturb={json.dumps(dict(self.perturbation))}")
        if self.source is not None:
            spec = workspace.source(self.source)
            words += [f"--source={key}={json.dumps(value)}" for key, value in spec.items()]
        written = [f"--report={results}report", f"--scores={results}scores.json", "--overwrite"]
        return ["evaluate", *words, *written, "--log-json", self.events, str(workspace.model(self.model))]

    def progress(self, before: Progress, event: Mapping[str, Any]) -> Progress:
        """See :meth:`.Job.progress`."""
        if event["event"] == "checked":
            return Progress(0, event["forecasts"])
        if event["event"] == "scored":
            return Progress(event["forecasts"], event["of"])
        return before
