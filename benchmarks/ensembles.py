"""How good an ensemble is beside the deterministic model that was trained as long, and beside baselines.

    anemoi evaluate MANY/checkpoint.safetensors --members 8 --lagged 4 --lead-time 72h --json > ensemble.json
    anemoi evaluate ONE/checkpoint.safetensors --metric crps --lead-time 72h --json > one.json
    python benchmarks/ensembles.py ensemble.json one.json [--lead-times 6 24 72]

Reads what ``anemoi evaluate`` has printed, which must be of the same dates. Prints two tables: the score of each
variable, and what comes of them over variables. The CRPS of one forecast is its mean absolute error.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BASELINES = {
    "persistence": "persistence",
    "climatological_ensemble": "climatological ensemble",
    "lagged_ensemble": "lagged ensemble",
}
RELIABLE = (0.7, 1.3)

Scores = Mapping[tuple[str, float], Mapping[str, Any]]
"""What was printed, by variable and lead time in hours."""


def scores(path: Path) -> Scores:
    """Read what ``anemoi evaluate --json`` has printed."""
    found = json.loads(path.read_text(encoding="utf-8"))
    listed = found if isinstance(found, list) else found["scores"]
    return {(each["variable"], each["lead_time_hours"]): each for each in listed}


def crps(ensemble: Scores, one: Scores, variable: str, hours: float) -> dict[str, float]:
    """The CRPS of the ensemble, of the deterministic model and of the baselines there are."""
    of_all = ensemble[variable, hours]["crps"]
    found = {"ensemble": of_all["model"], "deterministic": one[variable, hours]["crps"]["model"]}
    return found | {label: of_all[name] for name, label in BASELINES.items() if name in of_all}


def by_variable(ensemble: Scores, one: Scores, leads: list[float]) -> Iterator[str]:
    """A table of all scores: the CRPS of the ensemble and all others, and its spread over its error."""
    variables = list(dict.fromkeys(variable for variable, _ in ensemble))
    order = list(crps(ensemble, one, variables[0], leads[0]))
    yield f"| CRPS: {' / '.join(order)}; spread/skill | {' | '.join(f'{hours:g} h' for hours in leads)} |"
    yield f"|---|{'---|' * len(leads)}"
    for variable in variables:
        cells = [
            " / ".join(f"{each:.3g}" for each in crps(ensemble, one, variable, hours).values())
            + f"; {ensemble[variable, hours]['spread-skill']['model']:.2f}"
            for hours in leads
        ]
        unit = ensemble[variable, leads[0]]["units"]
        yield f"| `{variable}`{f', {unit}' if unit else ''} | {' | '.join(cells)} |"


def over_variables(ensemble: Scores, one: Scores, leads: list[float]) -> Iterator[str]:
    """A table of ratios: their mean over variables, and of how many variables the ensemble is the better one."""
    variables = list(dict.fromkeys(variable for variable, _ in ensemble))
    yield f"| the ensemble | {' | '.join(f'{hours:g} h' for hours in leads)} |"
    yield f"|---|{'---|' * len(leads)}"
    found = {hours: [crps(ensemble, one, name, hours) for name in variables] for hours in leads}
    for other in list(found[leads[0]][0])[1:]:
        ratios = {hours: [each["ensemble"] / each[other] for each in found[hours]] for hours in leads}
        cells = [
            f"{statistics.mean(each):.2f}, {sum(ratio < 1 for ratio in each)} of {len(each)}"
            for each in ratios.values()
        ]
        yield f"| CRPS over that of the {other}, lower for | {' | '.join(cells)} |"
    cells = []
    for hours in leads:
        ratios = [ensemble[name, hours]["spread-skill"]["model"] for name in variables]
        within = sum(RELIABLE[0] <= each <= RELIABLE[1] for each in ratios)
        cells.append(f"{statistics.median(ratios):.2f}, {within} of {len(ratios)}")
    yield f"| spread/skill: median, from {RELIABLE[0]} to {RELIABLE[1]} for | {' | '.join(cells)} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ensemble", type=Path)
    parser.add_argument("deterministic", type=Path)
    parser.add_argument("--lead-times", type=float, nargs="+", default=[6.0, 24.0, 72.0])
    chosen = parser.parse_args()
    ensemble, one = scores(chosen.ensemble), scores(chosen.deterministic)
    for table in (by_variable, over_variables):
        print("\n".join(table(ensemble, one, chosen.lead_times)), end="\n\n")


if __name__ == "__main__":
    main()
