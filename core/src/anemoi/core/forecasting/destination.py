"""Where forecasts are written: paths with places for the date and the lead time, and what writes them."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import config, plugins
from ..errors import AbsentError, ConfigError, PluginError, RequestError
from ..interfaces.output import ForecastDescription, Output
from ..times import format_date, format_duration
from .postprocessing import PostProcessing, Step
from .tee import OutputFile

DATE, LEAD_TIME, DOMAIN = "date", "lead_time", "domain"


@dataclass(frozen=True)
class Destination:
    """What one ``--output`` says.

    Parameters
    ----------
    path
        The path as it was given. Its ``{date}`` becomes the start of a forecast (``2025-12-20T06``),
        ``{domain}`` the domain of the checkpoint; with ``{lead_time}`` each lead time (``6h``) has a file of
        its own.
    output
        What builds the output that writes it, from ``path``, ``forecast`` and ``overwrite``.
    postprocessing
        What becomes of each state before it is written.

    Raises
    ------
    RequestError
        If braces in ``path`` hold something else.
    """

    path: str
    output: Callable[..., Output]
    postprocessing: PostProcessing = field(default_factory=PostProcessing)

    def __post_init__(self) -> None:
        self._placeholders()

    @classmethod
    def of(
        cls,
        path: str,
        output: str | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        postprocess: Sequence[Step] = (),
    ) -> Destination:
        """Give the destination ``path``, written by ``output``, or by that which its suffix names.

        Parameters
        ----------
        path
            The path, with its places for the date and the lead time.
        output
            The name of the output.
        options
            Its options, as a configuration says them: ``{"compression": 5}``.
        postprocess
            The steps that each state goes through, as :meth:`.PostProcessing.of` takes them.

        Raises
        ------
        RequestError, PluginError, ConfigError
            If the path has no suffix, or no output or postprocessor here is called so, or it does not take
            the options.
        """
        name, _ = _writer(path, output)
        chain = PostProcessing.of(postprocess)
        return cls(path, config.builder("output", {**(options or {}), "name": name}), chain)

    @property
    def by_date(self) -> bool:
        """Whether each start has a path of its own."""
        return DATE in self._placeholders()

    @property
    def by_domain(self) -> bool:
        """Whether each domain has a path of its own."""
        return DOMAIN in self._placeholders()

    def of_date(self, start: np.datetime64) -> str:
        """Give the path for forecasts from ``start``; places for the lead time and the domain stay."""
        return self._filled(start, f"{{{LEAD_TIME}}}", f"{{{DOMAIN}}}")

    def paths(self, forecast: ForecastDescription) -> list[str]:
        """Give all paths that a forecast is written to."""
        return [self._path(part) for part in self._split(forecast)]

    def parts(
        self, forecast: ForecastDescription, *, overwrite: bool, made: np.timedelta64 | None = None
    ) -> Iterator[OutputFile]:
        """Build the outputs that write a forecast.

        Parameters
        ----------
        forecast
            What is to come.
        overwrite
            Whether a file that is there already may be replaced.
        made
            The last lead time that this forecast has made before it was interrupted: files that end there or
            before it may be its own, and are replaced.

        Raises
        ------
        AnemoiError
            If something lies there already, or it cannot be written.
        """
        chain = self.postprocessing.begin(forecast)
        for part in self._split(chain.after):
            path = self._path(part)
            own = made is not None and bool(part.lead_times[-1] <= made)
            yield OutputFile(path, part, chain, partial(self._output, path, overwrite or own))

    def _output(self, path: str, overwrite: bool, forecast: ForecastDescription) -> Output:
        return self.output(path=path, forecast=forecast, overwrite=overwrite)

    def _split(self, forecast: ForecastDescription) -> list[ForecastDescription]:
        if LEAD_TIME not in self._placeholders():
            return [forecast]
        leads = forecast.lead_times
        return [replace(forecast, lead_times=leads[step : step + 1]) for step in range(len(leads))]

    def _path(self, part: ForecastDescription) -> str:
        return self._filled(part.start, format_duration(part.lead_times[-1]), part.domain)

    def _filled(self, start: np.datetime64, lead_time: str, domain: str) -> str:
        # Without colons, which not every file system takes.
        date = format_date(start).replace(":", "")
        return self.path.format(**{DATE: date, LEAD_TIME: lead_time, DOMAIN: domain})

    def _placeholders(self) -> set[str]:
        try:
            found = [field[1:] for field in string.Formatter().parse(self.path) if field[1] is not None]
        except ValueError as error:
            raise self._malformed(str(error)) from None
        for name, spec, conversion in found:
            if name not in (DATE, LEAD_TIME, DOMAIN) or spec or conversion:
                raise self._malformed(f"{{{name}}} is not one of these")
        return {str(name) for name, _, _ in found}

    def _malformed(self, why: str) -> RequestError:
        return RequestError(
            f"The path {self.path} cannot be filled in: {why}.",
            fix=f"Write {{{DATE}}}, {{{LEAD_TIME}}} or {{{DOMAIN}}} in braces, and double other braces.",
        )


def destinations(
    paths: Sequence[str],
    output: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    postprocess: Mapping[str, Sequence[Step]] | None = None,
) -> list[Destination]:
    """Give the destinations ``paths``, each as :meth:`Destination.of` does.

    Parameters
    ----------
    paths
        The paths.
    output
        The name of the output that writes all of them.
    options
        The options of each output, by any of its names: ``{"netcdf": {"compression": 5}}``.
    postprocess
        The steps that the states go through on their way to each path.

    Raises
    ------
    RequestError, PluginError, ConfigError
        As :meth:`Destination.of`, and if options are those of an output that writes none of the paths.
    """
    needs = plugins.Needs()
    writers, chains = [], []
    for path in paths:
        with needs.noted():
            writers.append(_writer(path, output))
        with needs.noted():
            chains.append(PostProcessing.of((postprocess or {}).get(path, ())))
    needs.check()
    given: dict[Any, dict[str, Any]] = {loaded: {} for _, loaded in writers}
    for name, some in (options or {}).items():
        # An output may have several names; which of them the suffix of a path is does not matter.
        chosen = _load(name, f"There are options of the output {name!r}", "Outputs")
        if chosen not in given:
            writing = ", ".join(
                f"{writer} ({path})" for (writer, _), path in zip(writers, paths, strict=True)
            )
            raise ConfigError(
                f"There are options of the output {name!r}, which writes none of the files.",
                fix=f"What writes them: {writing}.",
            )
        given[chosen].update(some)
    return [
        Destination(path, config.builder("output", {**given[loaded], "name": name}), chain)
        for path, (name, loaded), chain in zip(paths, writers, chains, strict=True)
    ]


def _writer(path: str, output: str | None) -> tuple[str, Any]:
    """The output that writes a path: its name, and what is loaded by it."""
    choice = "Choose one with --format;"
    name = output or Path(path).suffix.removeprefix(".")
    if not name or name.startswith("{"):
        raise RequestError(f"{path} has no suffix that says what to write.", fix=f"{choice} {_installed()}")
    return name, _load(name, f"{path} cannot be written", choice)


def _load(name: str, what: str, choice: str) -> Any:
    """Load an output, and say of an error what it is about and which outputs there are."""
    try:
        return plugins.load("output", name)
    except PluginError as error:
        fix = "\n".join(filter(None, (error.fix, f"{choice} {_installed()}")))
        what = f"{what}: {error.what}"
        if isinstance(error, AbsentError):
            raise AbsentError(what, requirement=error.requirement, fix=fix) from error
        raise PluginError(what, fix=fix) from error


def _installed() -> str:
    names = ", ".join(component.name for component in plugins.components("output"))
    return f"installed here: {names or 'none'}."
