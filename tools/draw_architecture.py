"""Draw ``docs/architecture.svg`` from what the modules of this repository import.

python tools/draw_architecture.py [--check]

The order of core is said once, in :data:`LAYERS`; the arrows are found. Of what follows from other arrows
(``cli`` imports ``checkpoint``, which ``forecasting`` imports too) none is drawn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import imports

PICTURE = imports.ROOT / "docs" / "architecture.svg"
CORE = "anemoi.core"

START = "anemoi_core_start"
"""Where the command starts: beside ``anemoi``, and drawn as part of the command line."""

LAYERS: tuple[dict[str, int], ...] = (
    {"cli": 0},
    {"lineage": -1, "forecasting": 0},
    {"checkpoint": 0},
    {"model": 0},
    {"objectives": -1, "transforms": 0, "forcings": 1},
    {"config": 0, "conforming": 3},
    {"outputs": -2, "provenance": 2, "held": 3},
    {"plugins": 0, "delegating": 3},
    {"interfaces": 0},
)
"""The packages of core from the top to the bottom, each with its column; one imports only what is below it."""

DATA_TYPES = (
    *(
        "domain",
        "variable",
        "steps",
        "conventions",
        "graph",
        "grid",
        "areas",
        "rows",
        "times",
        "long_names",
        "units",
        "errors",
        "moments",
    ),
    *(
        "allocation",
        "commands",
        "directories",
        "documents",
        "files",
        "cluster",
        "locking",
        "memory",
        "printable",
        "secrets",
        "trailer",
    ),
)
"""What is below them all: plain data, and what needs nothing but that."""

MOVED = ("_moved", "layers", "runs", "scaffold", "testing")
"""Names of 0.1 that other distributions have now."""

CAPTIONS = {
    "cli": "the command anemoi",
    "lineage": "from forecast to dataset",
    "forecasting": "state by state",
    "checkpoint": "data, never code",
    "model": "network and transforms",
    "objectives": "rollout",
    "transforms": "normalise, fill, bound",
    "forcings": "of place and time",
    "config": "layers that explain",
    "provenance": "parents by identity",
    "outputs": "whole or not at all",
    "held": "constants and rest",
    "conforming": "units and order",
    "delegating": "sources of sources",
    "plugins": "find, judge, load",
    "interfaces": "what each kind promises",
}

WIDTH, HEIGHT, ACROSS, DOWN, LEFT, TOP = 148, 44, 166, 76, 20, 78
PLUGIN_WIDTH, PLUGIN_HEIGHT, PLUGIN_DOWN = 440, 38, 43
BLUE, ORANGE, INK, GREY = ("#e7f1fb", "#3b78b5"), ("#ffffff", "#c98a1b"), "#1b2a38", "#51606e"

FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
ARROW_HEAD = (
    '<marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M 0 0 L 10 5 L 0 10 z" fill="{GREY}"/></marker>'
)


def package(module: str) -> str:
    """The package of core that a module is in, by its first name; empty for ``anemoi.core`` itself."""
    if module == START:
        return "cli"
    return module.removeprefix(CORE).lstrip(".").partition(".")[0]


def core_arrows() -> dict[str, set[str]]:
    """Which package of core imports which."""
    arrows: dict[str, set[str]] = {}
    for module in imports.modules().values():
        if module.distribution == "anemoi-core":
            own = package(module.name)
            arrows.setdefault(own, set()).update({package(home) for home in module.homes} - {own})
    return arrows


def plugin_arrows() -> dict[str, set[str]]:
    """What each plugin imports: packages of core, and other plugins by the names of their distributions."""
    found = imports.modules()
    arrows: dict[str, set[str]] = {
        name: set() for name in imports.distributions() if name.startswith("anemoi-plugin-")
    }
    for module in found.values():
        if module.distribution in arrows:
            others = {found[home] for home in module.homes if found[home].distribution != module.distribution}
            arrows[module.distribution] |= {
                package(other.name) if other.distribution == "anemoi-core" else other.distribution
                for other in others
            }
    return arrows


def needed(arrows: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """The arrows that do not follow from others; there must be no circle."""
    for name, others in sorted(arrows.items()):
        indirect = set().union(*(imports.reached(other, arrows) for other in others))
        yield from ((name, other) for other in sorted(set(others) - indirect))


def draw() -> str:
    """The picture."""
    rows = {name: row for row, layer in enumerate(LAYERS) for name in layer}
    columns = {name: column for layer in LAYERS for name, column in layer.items()}
    first = min(columns.values())
    bottom = TOP + len(LAYERS) * DOWN
    across = LEFT + 16 + (max(columns.values()) - first + 1) * ACROSS

    def place(name: str) -> tuple[float, float]:
        """The middle of a box."""
        x = LEFT + 16 + (columns[name] - first) * ACROSS + WIDTH / 2
        return x, TOP + rows[name] * DOWN + HEIGHT / 2

    plugins = plugin_arrows()
    height = max(bottom + 120, TOP + len(plugins) * PLUGIN_DOWN + 40)
    side = across + 60
    width = side + PLUGIN_WIDTH + LEFT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{FONT}">',
        f"<defs>{ARROW_HEAD}</defs>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _rectangle(LEFT, 20, across - LEFT, bottom + 76, ("#fdf3e1", ORANGE[1])),
        _text(LEFT + 16, 46, "anemoi-core", size=16, weight=700, anchor="start"),
        _text(LEFT + 142, 46, "an arrow is an import; it always points down", colour=GREY, anchor="start"),
    ]
    if strange := set(core_arrows()) - {*rows, *DATA_TYPES, *MOVED, ""}:
        raise SystemExit(f"Say in {Path(__file__).name} where {', '.join(sorted(strange))} belongs.")
    arrows = {
        name: {"data types" if other in DATA_TYPES else other for other in others} - {"", *MOVED}
        for name, others in core_arrows().items()
        if name in rows
    } | {"data types": set()}
    floor = bottom + 4
    for name, other in needed(arrows):
        x, y = place(name)
        if other == "data types":
            parts.append(_line(f"M {x} {y + HEIGHT / 2} V {floor}"))
            continue
        there, level = place(other)
        edge = HEIGHT / 2
        if x == there:
            parts.append(_line(f"M {x} {y + edge} V {level - edge}"))
        elif columns[name] == 0:  # from the spine sideways, then down
            start = x + WIDTH / 2 if there > x else x - WIDTH / 2
            parts.append(_line(f"M {start} {y} H {there} V {level - edge}"))
        else:  # down, then sideways to the spine
            end = there + WIDTH / 2 if x > there else there - WIDTH / 2
            parts.append(_line(f"M {x} {y + edge} V {level} H {end}"))
    for name in rows:
        x, y = place(name)
        parts.append(_rectangle(x - WIDTH / 2, y - HEIGHT / 2, WIDTH, HEIGHT, ORANGE))
        parts.append(_text(x, y - 2, name, size=14, weight=600))
        parts.append(_text(x, y + 14, CAPTIONS[name], size=11, colour=GREY))
    parts.append(_rectangle(LEFT + 16, floor, across - LEFT - 32, 72, ORANGE))
    middle = (LEFT + across) / 2
    parts.append(_text(middle, floor + 22, "data types", size=14, weight=600))
    for number, some in enumerate((DATA_TYPES[:10], DATA_TYPES[10:])):
        parts.append(_text(middle, floor + 42 + 17 * number, " · ".join(some), size=11, colour=GREY))
    parts.append(
        _text(
            side,
            46,
            "plugins, and what each imports beside data types",
            size=14,
            weight=700,
            anchor="start",
        )
    )
    parts.append(_line(f"M {side - 8} {TOP + 120} H {across + 4}"))
    for number, (name, others) in enumerate(plugins.items()):
        y = TOP - 14 + number * PLUGIN_DOWN
        parts.append(_rectangle(side, y, PLUGIN_WIDTH, PLUGIN_HEIGHT, BLUE))
        short = name.removeprefix("anemoi-plugin-")
        parts.append(_text(side + 10, y + 16, short, size=13, weight=600, anchor="start"))
        parts.append(_text(side + 10, y + 31, _listed(others, rows), size=10, colour=GREY, anchor="start"))
        beside = sorted(other for other in others if other in plugins)
        said = ", ".join(other.removeprefix("anemoi-plugin-") for other in beside)
        if said:
            parts.append(_text(side + PLUGIN_WIDTH - 10, y + 16, f"→ {said}", size=12, anchor="end"))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _listed(others: set[str], rows: Mapping[str, int]) -> str:
    """The packages of core that a plugin imports, from the top, without data types, which all import."""
    return ", ".join(name for name in rows if name in others)


def _rectangle(x: float, y: float, width: float, height: float, colours: tuple[str, str]) -> str:
    fill, stroke = colours
    size = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {size} rx="7" fill="{fill}" stroke="{stroke}" stroke-width="1.4"/>'


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{GREY}" stroke-width="1.5" marker-end="url(#a)"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    weight: int = 400,
    colour: str = INK,
    anchor: str = "middle",
) -> str:
    where = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text {where} fill="{colour}">{escape(text)}</text>'


def main() -> int:
    """Write the picture, or say with ``--check`` whether it is what would be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if it has changed")
    if not parser.parse_args().check:
        PICTURE.write_text(draw(), encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != draw():
        print("docs/architecture.svg has changed; run: python tools/draw_architecture.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
