"""The options of jobs that name what the server offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anemoi.core.config import Problem, constructor_of
from anemoi.core.config.options import Parameter, options
from anemoi.core.errors import AnemoiError, NotThereError, RequestError
from anemoi.core.plugins import find

from .job import Choice
from .models import Model
from .records import State
from .services import Services


def parameters(kind: str) -> Mapping[str, Parameter]:
    """The options of a job.

    Raises
    ------
    PluginError
        If there is no such job, or it cannot be used.
    """
    return options(constructor_of("job", {"name": kind}, trust_code=False), kind="job")


def names_component(value: Any) -> bool:
    """Whether options name a component of a plugin, ``{name: gaussian, ...}``, at whatever depth."""
    if not isinstance(value, (Mapping, list, tuple)):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return any((isinstance(each, Mapping) and "name" in each) or names_component(each) for each in inner)


def mark(parameter: Parameter, kind: type[Any]) -> Any:
    """What an option is annotated with of this class, such as :class:`.Choice`; None if with nothing."""
    metadata = getattr(parameter.type, "__metadata__", ())
    return next((each for each in metadata if isinstance(each, kind)), None)


def names(services: Services, choice: Choice) -> list[str]:
    """What may be chosen; nothing for results, of which there are too many to list."""
    offers = services.offers
    if choice.of == "model":
        return offers.model_names()
    return sorted({"source": offers.sources, "output": offers.outputs}.get(choice.of, ()))


def problems(services: Services, kind: str, given: Mapping[str, Any], *, owner: str) -> Iterator[Problem]:
    """What cannot be chosen of what a job is given, with its defaults."""
    for option, of, name in _chosen(kind, given):
        if refused := _refusal(services, of, name, owner):
            yield Problem(option, refused.what, refused.fix or "")


def chosen(kind: str, given: Mapping[str, Any], of: str) -> list[str]:
    """What a job has chosen of one sort, such as ``model``, by its options and their defaults.

    Raises
    ------
    PluginError
        If there is no such job, or it cannot be used.
    """
    return [name for _, sort, name in _chosen(kind, given) if sort == of]


def _chosen(kind: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The option, the sort and the name of each choice."""
    for option, parameter in parameters(kind).items():
        choice = mark(parameter, Choice)
        value = given.get(option, None if parameter.required else parameter.default)
        if choice is not None and value is not None:
            for name in value if isinstance(value, (list, tuple)) else [value]:
                yield option, choice.of, name


def _refusal(services: Services, of: str, name: str, owner: str) -> AnemoiError | None:
    try:
        _check(services, of, name, owner)
    except AnemoiError as error:
        return error
    return None


def _check(services: Services, of: str, name: str, owner: str) -> None:
    offers = services.offers
    if of == "model":
        Model.read(offers.model(name)).check_usable()
    elif of == "source":
        find("source", str(offers.source(name).get("name")))
    elif of == "output":
        find("output", str(offers.output(name).get("name")))
    elif of == "result":
        job = services.jobs.get(name)
        if job.owner != owner:
            raise NotThereError(f"{owner} has no job {name}.", fix="Choose one of your own.")
        if job.state is not State.FINISHED or job.result is None:
            raise NotThereError(
                f"The job {name} is {job.state.value} and has no result.", fix="Choose a finished one."
            )
    else:
        raise RequestError(f"There is nothing to choose that is called {of!r}.")
