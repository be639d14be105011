"""The metrics that the options of ``anemoi evaluate`` name."""

from __future__ import annotations

from typing import Any

from anemoi.core.config import builder
from anemoi.core.config.files import read_value
from anemoi.core.errors import ConfigError
from anemoi.core.plugins import Needs

from ..evaluation import Metrics

_RESERVED = frozenset(
    {"domain", "variable", "units", "lead_time_hours", "skill", "starts_better_than_persistence", "details"}
)
"""What the JSON of a score says besides its metrics."""


def metrics_of(names: tuple[str, ...], options: tuple[str, ...], needs: Needs) -> Metrics:
    """What builds each metric that is named, its options checked; one that is not here is noted."""
    found = {}
    given = _options(options)
    for name in dict.fromkeys(names):
        short = name.rpartition(":")[2]
        own = given.pop(short, {})
        with needs.noted():
            found[short] = builder("metric", {"name": name, **own})
        if short in _RESERVED:
            raise ConfigError(f"A metric cannot be called {short}: scores have a key of that name.")
    if given:
        raise ConfigError(
            f"--metric-option names {', '.join(given)}, which no --metric does.",
            fix=f"Add --metric {next(iter(given))}. The metrics are {', '.join(names)}.",
        )
    return found


def _options(given: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The options of each metric, by its name."""
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        option, equals, value = text.partition("=")
        metric, dot, key = option.rpartition(".")
        if not (equals and dot and metric and key):
            raise ConfigError(
                f"--metric-option {text} is not METRIC.KEY=VALUE.",
                fix="Name the metric and its option, as crps.fair=true.",
            )
        found.setdefault(metric, {})[key] = read_value(value, of=f"--metric-option {option}")
    return found
