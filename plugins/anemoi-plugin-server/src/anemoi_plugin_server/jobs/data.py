"""A data set from a source that the operator offers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from anemoi.core.errors import ConfigError

from ..job import Choice, Job, Offered, Progress, Workspace
from .terms import Area, Date, check_area, check_names, check_times


class DataJob(Job):
    """Makes a data set.

    Parameters
    ----------
    source
        What it is made from.
    start, end
        Its first and its last date, UTC; those of the source if none is given.
    area
        The area that is kept, in degrees: north, west, south, east; the whole domain if none is given.
    variables
        The variables that are kept; all if none is given.
    statistics_start, statistics_end
        The times that the statistics are taken over: those that a model will be trained on.
    allow_nans
        Whether values may be missing.
    """

    title = "Data set"

    def __init__(
        self,
        *,
        source: Annotated[str, Choice("source")],
        start: Date | None = None,
        end: Date | None = None,
        area: Area | None = None,
        variables: list[str] | None = None,
        statistics_start: Date | None = None,
        statistics_end: Date | None = None,
        allow_nans: bool = False,
    ) -> None:
        self.start, self.end, self.area, self.variables = start, end, area, variables
        self.source, self.allow_nans = source, allow_nans
        subset = {"start": start, "end": end, "area": area and list(area), "select": variables}
        self.subset = {key: value for key, value in subset.items() if value}
        period = {"start": statistics_start, "end": statistics_end}
        self.period = {key: value for key, value in period.items() if value}

    def check(self, offered: Offered) -> None:
        """See :meth:`.Job.check`."""
        start, end = self.start, self.end
        check_times(start=start, end=end)
        check_times(**{f"statistics_{edge}": date for edge, date in self.period.items()})
        check_area(self.area)
        check_names(variables=self.variables)
        if start and end and start > end:
            raise ConfigError(f"start: {start} is after the end, {end}.", fix="Write the earlier one first.")

    def command(self, workspace: Workspace) -> Sequence[str]:
        """See :meth:`.Job.command`."""
        recipe = {
            "data": dict(workspace.source(self.source)),
            "filters": [self.subset] if self.subset else [],
            "statistics": self.period,
            "allow_nans": self.allow_nans,
        }
        (workspace.directory / self.results).mkdir(exist_ok=True)
        (workspace.directory / "suite.yaml").write_text(json.dumps(recipe, indent=1), encoding="utf-8")
        return ["data", "create", "suite.yaml", f"{self.results}/data.zarr", "--log-json", self.events]

    def progress(self, before: Progress, event: Mapping[str, Any]) -> Progress:
        """See :meth:`.Job.progress`."""
        if event["event"] == "written":
            return Progress(event["dates"], event["of"])
        return before
