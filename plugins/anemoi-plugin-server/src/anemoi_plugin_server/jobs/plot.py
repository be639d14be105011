"""A picture of a forecast that a job has made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from anemoi.core.errors import NotThereError

from ..job import Choice, Job, Offered, Workspace
from .terms import Duration, check_names


class PlotJob(Job):
    """Draws a map of a forecast.

    Parameters
    ----------
    forecast
        The job that made the forecast.
    variable
        What is drawn; the first variable if none is given.
    lead_time
        Which state; the last if none is given.
    """

    title = "Map"

    def __init__(
        self,
        *,
        forecast: Annotated[str, Choice("result")],
        variable: str | None = None,
        lead_time: Duration | None = None,
    ) -> None:
        self.forecast, self.variable, self.lead_time = forecast, variable, lead_time

    def check(self, offered: Offered) -> None:
        """See :meth:`.Job.check`."""
        check_names(variable=None if self.variable is None else [self.variable])

    def command(self, workspace: Workspace) -> Sequence[str]:
        """See :meth:`.Job.command`."""
        drawn = _forecast(workspace.result(self.forecast))
        (workspace.directory / self.results).mkdir(exist_ok=True)
        given = {"variable": self.variable, "lead-time": self.lead_time}
        words = [f"--{option}={value}" for option, value in given.items() if value is not None]
        return ["plot", str(drawn), *words, f"--output={self.results}/map.png", "--overwrite"]


def _forecast(result: Path) -> Path:
    """The forecast in the result of a job: not the statistics of its members, where both are there."""
    for path in sorted(result.iterdir(), reverse=True):
        if path.stem == "forecast":
            return path
    raise NotThereError("The result of that job holds no forecast.", fix="Name a job of the kind forecast.")
