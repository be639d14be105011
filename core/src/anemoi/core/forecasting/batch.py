"""Forecasts from one date or many to files: everything is checked, then they are made one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoint import Checkpoint, build_model
from ..config import Spec
from ..errors import AnemoiError, DataError, ImplausibleError, NotThereError, RequestError
from ..files import leftovers, remove
from ..interfaces.data_source import DataSource
from ..interfaces.output import ForecastDescription, State
from ..model import ForecastModel
from ..steps import Steps
from ..times import format_date, format_duration, parse_date, parse_duration
from .background import Background
from .destination import Destination
from .initial import Sources, by_domain, check_sources, lead_times, step_count
from .journal import ForecastJournal
from .locks import OutputLocks
from .members import MadeMembers, check_members, member_place, seeds_of
from .perturbing import check_earlier, initial_inputs, perturbation_of
from .plausible import LIMIT, check_allowed
from .rollout import LEAD_TIME, Forecast, Precision, announced, describe
from .tee import OnFile, OutputFile, Tee

_MOST = 10
"""How many errors one message lists."""

OnStep = Callable[[ForecastDescription, State], None]


@dataclass(frozen=True, eq=False)
class Task:
    """One forecast to make.

    Parameters
    ----------
    forecasts
        Its description, for each domain that has outputs.
    paths
        Where it is written; a place for the lead time stays in them.
    parts
        What writes it; nothing where an interrupted batch had written it already.
    journal
        What it can go on from; none if None.
    contents
        What is written to each path, of each domain, as its chain leaves it; empty where nothing is.
    """

    forecasts: Mapping[str, ForecastDescription]
    paths: tuple[str, ...]
    parts: tuple[OutputFile, ...]
    journal: ForecastJournal | None = None
    contents: Mapping[str, Sequence[ForecastDescription]] = field(default_factory=dict)

    @property
    def states(self) -> int:
        """How many states are to be computed."""
        return sum(len(each.lead_times) for each in self.forecasts.values()) if self.parts else 0


@dataclass(frozen=True, eq=False)
class Batch:
    """Forecasts that are ready to be made, by one model: see :func:`prepare`."""

    checkpoint: Checkpoint
    sources: Sources
    model: ForecastModel
    device: torch.device
    tasks: tuple[Task, ...]
    persist: tuple[str, ...] = ()
    seed: int | tuple[int, ...] = 0
    perturbation: Spec | None = None
    limit: float = LIMIT
    allow_unusual: tuple[str, ...] = ()
    precision: Precision = "32"
    locks: OutputLocks = field(default_factory=lambda: OutputLocks(()))
    made: MadeMembers | None = None
    trust_code: bool = False

    @property
    def jobs(self) -> int:
        """How many forecasts, or members of forecasts, can be computed at once."""
        left = sum(bool(task.parts) for task in self.tasks)
        return left * next(iter(self.tasks[0].forecasts.values())).members

    def run(
        self,
        on_step: OnStep = lambda forecast, state: None,
        on_file: OnFile = lambda part: None,
        *,
        keep_journals: bool = False,
    ) -> Iterator[Task]:
        """Make them, one after the other; give each as its files are whole.

        Dates do not go through the model together: sums over a larger batch are rounded otherwise, and one
        forecast must not depend on which others are asked for.

        Parameters
        ----------
        on_step
            Told of each state when it is left to be written.
        on_file
            Told of each file when it has appeared, in the thread that writes.
        keep_journals
            Leave journals of forecasts that are whole, for whoever knows when all of them are.

        Raises
        ------
        AnemoiError
            If the initial states will not do, or a file cannot be written.
        ImplausibleError
            If a state has values that cannot be; files with the states before it are there, and whole.
        """
        try:
            for task in self.tasks:
                if task.parts:
                    self._make(task, on_step, on_file)
                yield task
            for task in self.tasks:
                if task.journal is not None and not keep_journals:
                    task.journal.remove()
        finally:
            self.locks.release()

    def forecast(self, task: Task) -> Forecast:
        """The forecast of a task, whose states are computed as they are asked for and written nowhere."""
        first = next(iter(task.forecasts.values()))
        seeds = seeds_of(self.seed, first.members)
        inputs = initial_inputs(
            self.model,
            self.sources,
            first.start,
            seeds,
            # Members that were made elsewhere have begun already.
            None if self.made else perturbation_of(self.perturbation, trust_code=self.trust_code),
            persist=self.persist,
            allow_unusual=self.allow_unusual,
            device=self.device,
        )
        return Forecast(
            task.forecasts,
            self.model,
            inputs,
            seeds,
            task.journal,
            self.limit,
            self.precision,
            self.made,
        )

    def _make(self, task: Task, on_step: OnStep, on_file: OnFile) -> None:
        made = self.forecast(task)
        # Whoever hears that it has finished finds its files.
        with announced(*task.forecasts.values()):
            try:
                with Background(Tee(task.parts, on_file)) as output, closing(made.states()) as states:
                    for state in states:
                        output.write(state)
                        on_step(task.forecasts[state.domain], state)
            except ImplausibleError as error:
                raise self._stopped(task, error, on_file) from error
            if task.journal is not None:
                task.journal.finish()

    def _stopped(self, task: Task, error: ImplausibleError, on_file: OnFile) -> ImplausibleError:
        """Write files of the states before the one that cannot be, and say so.

        Outputs are told at the beginning which states will come, so that these files are begun anew. Their
        states come from the journal or are computed again, to the same bits.
        """
        parts = [part for part in task.parts if part.lead_times[-1] < error.lead_time]
        anew = {chain: chain.again() for chain in dict.fromkeys(part.chain for part in task.parts)}
        again = [part.before(error.lead_time, anew[part.chain], stopped=error.what) for part in task.parts]
        shortened = [part for part in again if part is not None]
        if shortened:
            good = sum(int((each.lead_times < error.lead_time).sum()) for each in task.forecasts.values())
            with Background(Tee(shortened, on_file)) as output:
                for state in islice(self.forecast(task).unannounced(), good):
                    output.write(state)
        if task.journal is not None:
            task.journal.remove()  # there is nothing to go on from
        paths = ", ".join(part.path for part in (*parts, *shortened))
        what = f"{error.what}\n" + (
            f"Written with the states before it: {paths}." if paths else "No file was written."
        )
        return ImplausibleError(what, fix=error.fix or "", lead_time=error.lead_time)


def prepare(
    checkpoint: Checkpoint,
    source: DataSource | Sources,
    dates: Sequence[str | datetime | np.datetime64],
    destinations: Sequence[Destination],
    lead_time: str | timedelta | np.timedelta64 = LEAD_TIME,
    *,
    members: int = 1,
    persist: Collection[str] = (),
    seed: int | Sequence[int] = 0,
    perturbation: Spec | None = None,
    limit: float = LIMIT,
    allow_unusual: Collection[str] = (),
    overwrite: bool = False,
    restart: bool = False,
    device: str | torch.device = "cpu",
    precision: Precision = "32",
    model: ForecastModel | None = None,
    trust_code: bool = False,
    allow_different_versions: bool = False,
    about: Mapping[str, Any] | None = None,
    differ_elsewhere: bool = False,
    checked: Mapping[str, Any] | None = None,
) -> Batch:
    """Check all that forecasts need before one is made: the model, the source, the dates and every file.

    Parameters
    ----------
    checkpoint, source, lead_time, members, persist, seed, limit, allow_unusual, device, precision, model
        As for :func:`anemoi.core.forecast`.
    trust_code, allow_different_versions
        As for :func:`anemoi.core.forecast`.
    perturbation
        What gives each member but the first an initial state of its own, with its options; nothing if None.
    dates
        The times to start from.
    destinations
        Where each of them is written.
    overwrite
        Whether files that are there already may be replaced.
    restart
        Keep a journal beside the first file of each forecast until all are whole, and go on from those
        that an interrupted batch has left.
    about
        What else makes the forecasts these and no others, as JSON: journals of others are refused.
    differ_elsewhere
        Whether members that begin alike are no copies, because what they hear of other forecasts differs.
    checked
        The provenance of a forecast that another process has checked, which holds the locks: what lies where
        it is written is then what an attempt before has left, and is replaced.

    Raises
    ------
    AnemoiError
        If something will not do: everything that does not, at once.
    """
    device = torch.device(device)
    starts = list(dict.fromkeys(map(parse_date, dates)))
    leads = lead_times(checkpoint, lead_time)
    if model is None:
        model = build_model(
            checkpoint, trust_code=trust_code, allow_different_versions=allow_different_versions
        )
    sources = by_domain(checkpoint, source)
    forecasts = [describe(checkpoint, sources, start, leads, members) for start in starts]
    if checked is not None:
        overwrite = True
        forecasts = [
            {name: replace(each, provenance=checked) for name, each in of_date.items()}
            for of_date in forecasts
        ]
    _check_apart(forecasts, destinations)
    count = step_count(checkpoint, parse_duration(lead_time))
    errors: list[AnemoiError] = []
    if not isinstance(seed, int) and len(seed) == 1:
        (seed,) = seed
    seeds = seeds_of(0, members)  # what all else is checked with where those that are asked for will not do
    with _collected(errors):
        seeds = seeds_of(seed, members)
    with _collected(errors):
        check_allowed(checkpoint.domains, allow_unusual)
    with _collected(errors):
        check_sources(checkpoint, sources, starts, count=count, persist=persist)
        built = perturbation_of(perturbation, trust_code=trust_code)
        check_earlier(checkpoint, sources, starts, built, members, persist)
        check_members(
            model,
            sources,
            starts[0],
            seeds,
            perturbed=built is not None,
            differ_elsewhere=differ_elsewhere,
        )
    places = [] if checked is not None else [_place(each, start) for start in starts for each in destinations]
    locks = OutputLocks(places)
    try:
        if restart or checked is not None:
            _clear_away(forecasts, destinations, members if checked is None else 0)
        tasks = []
        others = {**(about or {}), **({"perturbation": dict(perturbation)} if perturbation else {})}
        for forecast in forecasts:
            with _collected(errors):
                journal = None
                if restart:
                    journal = _journal(forecast, destinations, device, persist, seed, precision, others)
                tasks.append(
                    _task(
                        forecast,
                        destinations,
                        journal,
                        checkpoint.steps,
                        overwrite=overwrite,
                    )
                )
        _raise_all(errors)
    except BaseException:
        locks.release()
        raise
    return Batch(
        checkpoint,
        sources,
        model.to(device).eval(),
        device,
        tuple(tasks),
        tuple(persist),
        seed if isinstance(seed, int) else tuple(seed),
        perturbation,
        limit,
        tuple(allow_unusual),
        precision,
        locks,
        trust_code=trust_code,
    )


def _task(
    forecasts: Mapping[str, ForecastDescription],
    destinations: Sequence[Destination],
    journal: ForecastJournal | None,
    steps: Mapping[str, Steps],
    *,
    overwrite: bool,
) -> Task:
    """Check every file of one forecast, as it is or as it is gone on with."""
    start = next(iter(forecasts.values())).start
    paths = tuple(destination.of_date(start) for destination in destinations)
    if journal is not None:
        forecasts = {
            name: replace(forecast, provenance=journal.provenance) for name, forecast in forecasts.items()
        }
        if journal.whole:
            return Task(forecasts, paths, (), journal)
    parts: list[OutputFile] = []
    contents: dict[str, list[ForecastDescription]] = {path: [] for path in paths}
    errors: list[AnemoiError] = []
    for path, destination in zip(paths, destinations, strict=True):
        for forecast in forecasts.values():
            with _collected(errors):
                made = None if journal is None else _made(journal, steps[forecast.domain])
                added = list(destination.parts(forecast, overwrite=overwrite, made=made))
                parts += added
                contents[path].append(added[0].chain.after)
    _raise_all(errors)
    return Task(forecasts, paths, tuple(parts), journal, contents)


def _made(journal: ForecastJournal, steps: Steps) -> np.timedelta64 | None:
    """The last lead time of one domain whose state is in a journal; None if none is."""
    number = len(journal) - 1  # the first record are the initial states
    return (number - 1) * steps.step + steps.outputs[-1] if number > 0 else None


def _place(destination: Destination, start: np.datetime64) -> Path:
    """Where a destination has the forecast of one date; places for the lead time and the domain stay."""
    return Path(destination.of_date(start)).expanduser().absolute()


def _clear_away(
    forecasts: Sequence[Mapping[str, ForecastDescription]], destinations: Sequence[Destination], members: int
) -> None:
    """Remove what the same forecasts have left unfinished when they were killed; their locks are held."""
    written = [
        path
        for destination in destinations
        for of_date in forecasts
        for forecast in of_date.values()
        for path in destination.paths(forecast)
    ]
    first = [_place(destinations[0], next(iter(each.values())).start) for each in forecasts]
    journals = [path.with_name(f".{path.name}.journal") for path in first]
    journals += [member_place(path, member) for path in first for member in range(members)]
    for each in leftovers(*(Path(path).expanduser().absolute() for path in written), *journals):
        remove(each)


def _journal(
    forecasts: Mapping[str, ForecastDescription],
    destinations: Sequence[Destination],
    device: torch.device,
    persist: Collection[str],
    seed: int | Sequence[int],
    precision: Precision,
    others: Mapping[str, Any],
) -> ForecastJournal:
    """The journal of a forecast, beside its first file."""
    forecast = next(iter(forecasts.values()))
    path = _place(destinations[0], forecast.start)
    checkpoint, *sources = forecast.provenance["parents"]
    software = forecast.provenance["versions"]
    last = max(each.lead_times[-1] for each in forecasts.values())
    about: dict[str, Any] = {
        "checkpoint": checkpoint["identity"],
        "source": " ".join(str(source.get("identity")) for source in sources),
        "date": format_date(forecast.start),
        "lead time": format_duration(last),
        "number of members": forecast.members,
        "persisted": " ".join(persist),
        "seed": seed if isinstance(seed, int) else " ".join(map(str, seed)),
        "device": device.type if precision == "32" else f"{device.type}, {precision}",
        "software": " ".join(f"{name} {version}" for name, version in software.items()),
        **others,
    }
    if any(each.postprocessing for each in destinations):
        # What is whole was written through these chains: with others it would have to be written again.
        about["post-processing"] = {each.path: each.postprocessing.specs for each in destinations}
    return ForecastJournal(path.with_name(f".{path.name}.journal"), about, forecast.provenance)


def _check_apart(
    forecasts: Sequence[Mapping[str, ForecastDescription]], destinations: Sequence[Destination]
) -> None:
    """Check that no two forecasts, no two domains and no two outputs write one file."""
    taken: set[str] = set()
    for destination in destinations:
        if len(forecasts) > 1 and not destination.by_date:
            raise RequestError(
                f"Forecasts from {len(forecasts)} dates cannot all be written to {destination.path}.",
                fix=f"Give each a path of its own, with {{date}} in it: {_with('date', destination.path)}",
            )
        if len(forecasts[0]) > 1 and not destination.by_domain:
            raise RequestError(
                f"The domains {', '.join(forecasts[0])} cannot all be written to {destination.path}.",
                fix=f"Give each its own path, with {{domain}} in it: {_with('domain', destination.path)}",
            )
        for forecast in (each for of_date in forecasts for each in of_date.values()):
            for path in destination.paths(forecast):
                if (place := os.path.abspath(os.path.expanduser(path))) in taken:
                    raise RequestError(
                        f"{path} is to be written twice.", fix="Give each --output another path."
                    )
                taken.add(place)


def _with(what: str, path: str) -> str:
    stem, suffix = os.path.splitext(path)
    return f"{stem}-{{{what}}}{suffix}"


@contextmanager
def _collected(errors: list[AnemoiError]) -> Iterator[None]:
    try:
        yield
    except AnemoiError as error:
        errors.append(error)


def _raise_all(errors: Sequence[AnemoiError]) -> None:
    """Raise one error that says what all of them say."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        whats = [error.what for error in errors[:_MOST]]
        if len(errors) > _MOST:
            whats.append(f"And {len(errors) - _MOST} more.")
        fixes = dict.fromkeys(error.fix for error in errors[:_MOST] if error.fix)
        same = {type(error) for error in errors}
        kinds = [kind for kind in (NotThereError, RequestError) if same == {kind}]
        raise (kinds[0] if kinds else DataError)("\n".join(whats), fix="\n".join(fixes) or None)
