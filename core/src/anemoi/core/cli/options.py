"""The options that every command takes that runs a checkpoint, of the core and of plugins alike."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import plugins
from ..config.files import read_value
from ..config.resolving import not_looked_up, references
from ..errors import AbsentError, AnemoiError, ConfigError, PluginError

if TYPE_CHECKING:
    from ..checkpoint import LockEntry

Command = TypeVar("Command", bound=Callable[..., Any])

source_option = click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME|PATH|KEY=VALUE",
    help="Where the data are: a source by name, the path of a data set, or an option of the source; may be "
    "repeated.  [default: the training data]",
)
"""``--source``, given to the command as ``sources``, which :func:`source_spec` reads."""

log_option = click.option(
    "--log-json",
    "log",
    type=click.File("a", encoding="utf-8", lazy=False),
    metavar="FILE",
    help="Append one line of JSON for each event to FILE, with its time.",
)
"""``--log-json``, given to the command as ``log``, for :class:`.EventLog`."""


def computing_options(command: Command) -> Command:
    """Add ``--device``, ``--trust-code`` and ``--allow-different-versions``.

    :func:`available_device` reads the first; the others are those of
    :func:`anemoi.core.checkpoint.build_model`.
    """
    device = click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto is a GPU if there is one.",
    )
    trust_code = click.option(
        "--trust-code", is_flag=True, help="Run code that the checkpoint names outside any plugin."
    )
    versions = click.option(
        "--allow-different-versions", is_flag=True, help="Accept other plugin versions than the checkpoint's."
    )
    return device(trust_code(versions(command)))


def dask_options(what: str) -> Callable[[Command], Command]:
    """Add ``--dask`` and ``--dask-scheduler``, for :func:`anemoi.core.cluster.cluster`.

    Parameters
    ----------
    what
        What is done over the cluster, as a sentence begins: ``Read and write dates``.
    """

    def add(command: Command) -> Command:
        over = click.option("--dask", is_flag=True, help=f"{what} over a Dask cluster.")
        scheduler = click.option(
            "--dask-scheduler",
            metavar="ADDRESS",
            help="Where its scheduler is: tcp://host:8786.  [default: DASK_SCHEDULER_ADDRESS, or processes "
            "here]",
        )
        return over(scheduler(command))

    return add


def start_options(command: Command) -> Command:
    """Add ``--persist``, ``--limit`` and ``--allow-unusual``: what a forecast may start from, and hold."""
    persist = click.option(
        "--persist",
        multiple=True,
        metavar="VARIABLE",
        help="A forcing that keeps its value at the start, instead of being read at every step; may be "
        "repeated.",
    )
    limit = click.option(
        "--limit",
        type=click.FloatRange(min=1),
        default=10.0,
        show_default=True,
        metavar="FACTOR",
        help="Stop where a value is further from the range of the training than this many times that range; "
        "inf never does.",
    )
    unusual = click.option(
        "--allow-unusual",
        multiple=True,
        metavar="VARIABLE",
        help="Start although the mean of this variable is more than ten standard deviations of the training "
        "off; may be repeated.",
    )
    return persist(limit(unusual(command)))


def available_device(device: str) -> str:
    """Choose the device that ``--device`` means here.

    Raises
    ------
    AnemoiError
        If there is none.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise AnemoiError(
            "There is no GPU that torch can use here.", fix="Compute on the CPU: --device cpu (or auto)."
        )
    return device


@contextmanager
def short_warnings() -> Iterator[None]:
    """Print warnings when all is done, each as one line, once, and without a place in the code."""
    from ..checkpoint import DifferentVersionWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DifferentVersionWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        click.echo(f"Warning: {message}", err=True)


_OPTION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def source_spec(given: tuple[str, ...], default: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read what ``--source`` says as a configuration would say it.

    Parameters
    ----------
    given
        The values of ``--source``.
    default
        The source that a checkpoint was trained on; options without a name change those of this one.

    Raises
    ------
    ConfigError, PluginError
        If no source is named, or more than one, none reads the path that is given, or what the checkpoint
        takes from the environment is not there.
    """
    options, named = {}, []
    for value in given:
        # A file may be called so that it looks like an option: a=b.zarr.
        match = None if Path(value).exists() else _OPTION.fullmatch(value)
        if match:
            options[match[1]] = read_value(match[2], of=f"--source {match[1]}")
        else:
            named.append(value)
    if len(named) > 1:
        raise ConfigError(f"--source names more than one source: {', '.join(named)}.", fix="Name one.")
    if named:
        return {**_named_source(named[0]), **options}
    if "name" in options:
        return options
    if not default:
        raise ConfigError("The checkpoint names no data source.", fix="Name one with --source.")
    for key, value in references(default).items():
        if key.partition(".")[0] not in options:
            raise not_looked_up(key, value, f"Say what it is here: --source {key}=VALUE")
    return {**default, **options}


def source_specs(
    given: tuple[str, ...], defaults: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    """Read what ``--source`` says of each domain: ``DOMAIN.KEY=VALUE`` where there are several.

    Parameters
    ----------
    given
        The values of ``--source``.
    defaults
        The source that each domain was trained on.

    Raises
    ------
    ConfigError, PluginError
        As :func:`source_spec`, or if a value does not say which domain it is of.
    """
    if len(defaults) == 1:
        return {name: source_spec(given, default) for name, default in defaults.items()}
    of: dict[str, list[str]] = {name: [] for name in defaults}
    for value in given:
        name, dot, rest = value.partition(".")
        if not dot or name not in of or not _OPTION.fullmatch(rest):
            raise ConfigError(
                f"--source {value} does not say which domain it is of.",
                fix=f"Write DOMAIN.KEY=VALUE: {next(iter(of))}.path={value}. The domains: {', '.join(of)}.",
            )
        of[name].append(rest)
    return {name: source_spec(tuple(values), defaults[name]) for name, values in of.items()}


def trained_on(configuration: Mapping[str, Any]) -> dict[str, Mapping[str, Any] | None]:
    """The source that each domain of a checkpoint's configuration was trained on."""
    domains = configuration.get("domains") or {"data": configuration}
    return {name: own.get("data") for name, own in domains.items()}


def boundary_source(given: tuple[str, ...], configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """Say as ``--source`` does what ``--boundary`` says of the domain around a limited area.

    Parameters
    ----------
    given
        The values of ``--boundary``.
    configuration
        That of the checkpoint, whose objective names the domain.

    Raises
    ------
    ConfigError, PluginError
        As :func:`source_spec`, or if the checkpoint has no boundary.
    """
    if not given:
        return ()
    domains, name = trained_on(configuration), (configuration.get("objective") or {}).get("boundary")
    if name not in domains:
        raise ConfigError(
            f"The checkpoint takes no boundary: its domains are {', '.join(domains)}.",
            fix="Say with --source where the data of each are.",
        )
    words = []
    for value in given:
        if _OPTION.fullmatch(value):
            words.append(f"{name}.{value}")
        else:
            named = source_spec((value,), None)
            words += [f"{name}.{key}={json.dumps(each)}" for key, each in named.items()]
    return tuple(words)


def check_sources(needs: plugins.Needs, specs: Mapping[str, Mapping[str, Any]]) -> None:
    """Note in ``needs`` which of the sources cannot be used here, as far as metadata tell."""
    for name in dict.fromkeys(spec["name"] for spec in specs.values() if "name" in spec):
        with needs.noted():
            plugins.find("source", str(name))


def check_lock(needs: plugins.Needs, entries: Iterable[LockEntry], *, allow_different_versions: bool) -> None:
    """Note in ``needs`` which plugins of a checkpoint's lock a forecast needs and cannot use here.

    Where all are here, and some in a version that does not read the checkpoint,
    :func:`anemoi.core.checkpoint.build_model` tells of it.
    """
    from ..checkpoint import compare

    wrong = compare(entry for entry in entries if entry.needed)
    if all(each.severity in ("content", "version") for each in wrong) and not needs.errors:
        return
    refused = {"absent", "unusable", *(() if allow_different_versions else ("version",))}
    for each in wrong:
        if each.severity in ("absent", "version") and each.severity in refused:
            needs.errors.append(AbsentError(each.message, requirement=each.entry.requirement, fix=each.fix))
        elif each.severity in refused:
            needs.errors.append(PluginError(each.message, fix=each.fix))


def needed_by_checkpoints(words: Sequence[str]) -> list[PluginError]:
    """What the checkpoints among the words of a command line need to make a forecast, and is not here.

    For a command that is not here either: it would tell of all else that is wrong with them.
    """
    from ..checkpoint import inspect

    needs = plugins.Needs()
    given = tuple(value for option, value in pairwise(words) if option == "--source")
    for path in (Path(word) for word in words if word.endswith(".safetensors")):
        try:
            found = inspect(path)
            with needs.noted():
                check_sources(needs, source_specs(given, trained_on(found.document["configuration"])))
        except (AnemoiError, KeyError):
            continue
        allowed = "--allow-different-versions" in words
        check_lock(needs, found.lock, allow_different_versions=allowed)
    return needs.errors


def output_options(given: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Read what ``--output-option`` says: the options of each output, by its name.

    Raises
    ------
    ConfigError
        If one is not ``OUTPUT.KEY=VALUE``.
    """
    options: dict[str, dict[str, Any]] = {}
    for text in given:
        output, _, option = text.partition(".")
        match = _OPTION.fullmatch(option)
        if not output or match is None:
            raise ConfigError(
                f"--output-option {text} is not OUTPUT.KEY=VALUE.",
                fix="Name the output and its option, as netcdf.compression=5.",
            )
        value = read_value(match[2], of=f"--output-option {output}.{match[1]}")
        options.setdefault(output, {})[match[1]] = value
    return options


def postprocess_steps(given: tuple[str, ...], paths: tuple[str, ...]) -> dict[str, list[Any]]:
    """Read what ``--postprocess`` says: the steps of the chain to each path, in order.

    Parameters
    ----------
    given
        The values of ``--postprocess``: the name of a step, or a mapping of its name and options; with
        ``PATH=`` before it, it is a step to that path alone.
    paths
        The values of ``--output``.

    Raises
    ------
    ConfigError
        If one is neither, or no valid YAML.
    """
    steps: dict[str, list[Any]] = {path: [] for path in paths}
    for text in given:
        one = max((path for path in steps if text.startswith(f"{path}=")), key=len, default=None)
        value = read_value(text if one is None else text[len(one) + 1 :], of="--postprocess")
        if not isinstance(value, (str, Mapping)):
            raise ConfigError(
                f"--postprocess {text} is no step.",
                fix="Write its name, or its name and options: --postprocess '{name: clip, lower: {tp: 0}}'; "
                "with --output FILE before it for one of several files: "
                "--postprocess 'FILE={name: ...}'.",
            )
        for path in steps if one is None else [one]:
            steps[path].append(value)
    return steps


def component_spec(text: str, option: str) -> dict[str, Any]:
    """Read a component as an option names it: its name, or a mapping of its name and options.

    Raises
    ------
    ConfigError
        If it is neither, or no valid YAML.
    """
    value = read_value(text, of=option)
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, Mapping) or "name" not in value:
        raise ConfigError(
            f"{option} {text} names no component.", fix=f"As in {option} '{{name: NAME, OPTION: VALUE}}'"
        )
    return dict(value)


def _named_source(value: str) -> dict[str, Any]:
    installed = {
        plugins.normalise(component.name): component.name for component in plugins.components("source")
    }
    if plugins.normalise(value) in installed:
        return {"name": value}
    # Sources that read files are named by their suffixes: x.zarr, x.zarr.zip
    for suffix in reversed(Path(value).suffixes):
        if (name := plugins.normalise(suffix.removeprefix("."))) in installed:
            return {"name": installed[name], "path": value}
    for suffix in reversed(Path(value).suffixes):
        if plugins.provider("source", suffix.removeprefix(".")):
            return {"name": suffix.removeprefix("."), "path": value}  # which asking for it says best
    if "/" in value or Path(value).exists():
        raise PluginError(
            f"No source here is named by a suffix of {value!r}.",
            fix=f"Say which one reads it: --source name=NAME --source path={value}\n"
            f"Installed here: {', '.join(installed.values()) or 'none'}.",
        )
    return {"name": value}  # distribution:name, or unknown, which building it says best
