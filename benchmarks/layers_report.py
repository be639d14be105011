"""What was measured of layers, as a table and as a drawing.

One result is what :mod:`layers` writes for a case: ``name``, ``nodes``, ``channels``, ``targets``, ``floor``
by pass, and by ``SIDE SETTING`` the ``seconds`` of each round of a pass, and ``megabytes``.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PASSES = ("forward", "backward")
LABELS = ("forward", "forward + backward", "peak memory")


def best(by_name: Mapping[str, list[float]], side: str) -> str:
    """Which setting of a side has the lower median."""
    names = [name for name in by_name if name.startswith(side)]
    return min(names, key=lambda name: statistics.median(by_name[name]))


def least(by_name: Mapping[str, float], side: str) -> str:
    """Which setting of a side has the lower value."""
    return min((name for name in by_name if name.startswith(side)), key=lambda name: by_name[name])


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """A line for the case, one for each pass, and one for memory: the better setting of either side."""
    yield f"{found['name']}, {found['nodes']:,} nodes, {found['channels']} channels"
    for index, which in enumerate(PASSES):
        seconds, target = found["seconds"][which], found["targets"][index]
        ours, peer = best(seconds, "ours"), best(seconds, "peer")
        rounds = zip(seconds[ours], seconds[peer], strict=True)
        ratio = statistics.median(theirs / own for own, theirs in rounds)
        medians = {name: statistics.median(each) for name, each in seconds.items()}
        floor = found["floor"][which]
        missed = f"MISSED, it would be {medians[peer] / target / floor:.2f} times the floor"
        yield (
            f"  {LABELS[index]:<19} {ratio:5.2f} times as fast, target {target}: "
            f"{'met' if ratio >= target else missed} ({ours} to {peer}, {len(seconds[ours])} rounds; "
            f"{', '.join(f'{name} {each:.3f} s' for name, each in medians.items())}; floor {floor:.3f} s, "
            f"of which ours takes {medians[ours] / floor:.1f} times, the peer {medians[peer] / floor:.1f})"
        )
    memory, target = found["megabytes"], found["targets"][2]
    ours, peer = least(memory, "ours"), least(memory, "peer")
    ratio = memory[ours] / memory[peer]
    values = ", ".join(f"{name} {each:.0f} MB" for name, each in memory.items())
    yield (
        f"  {LABELS[2]:<19} {ratio:5.2f} times as much, target {target}: "
        f"{'met' if ratio <= target else 'MISSED'} ({ours} to {peer}; {values})"
    )


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Times and memory as bars, the better setting of either side, with the floor of times."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, 3, figsize=(15, 1.5 + 0.6 * len(results)), sharey=True, layout="constrained"
    )
    labels = [f"{one['name']}\n{one['nodes']:,} nodes, {one['channels']} channels" for one in results]
    place = range(len(results))
    for axis, which in zip(axes, (*PASSES, "memory"), strict=True):
        for offset, side, colour in ((-0.2, "ours", "tab:blue"), (0.2, "peer", "tab:gray")):
            if which == "memory":
                values = [one["megabytes"][least(one["megabytes"], side)] for one in results]
            else:
                passes = [one["seconds"][which] for one in results]
                values = [statistics.median(each[best(each, side)]) for each in passes]
            axis.barh([each + offset for each in place], values, 0.38, label=side, color=colour)
        if which != "memory":
            floors = [one["floor"][which] for one in results]
            axis.plot(floors, place, "k|", markersize=14, label="floor")
        axis.set_xscale("log")
        axis.grid(axis="x", alpha=0.3)
    for axis, label, unit in zip(axes, LABELS, ("s", "s", "MB"), strict=True):
        axis.set_title(f"{label}, {unit}")
    axes[0].set_yticks(place, labels)
    axes[0].invert_yaxis()
    axes[0].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
