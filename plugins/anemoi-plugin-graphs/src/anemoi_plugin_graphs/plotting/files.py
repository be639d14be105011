"""A picture of a graph as a file: a page for a browser, or an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anemoi.core.errors import ConfigError
from anemoi.core.files import write_whole
from anemoi.core.graph import Graph

from .html import page
from .png import picture
from .scene import scene_of


def plot(
    graph: Graph,
    output: Path,
    *,
    title: str,
    shown: Sequence[str] = (),
    view: tuple[float, float] | None = None,
) -> None:
    """Draw a graph, as ``.html`` or ``.png``.

    Parameters
    ----------
    shown
        Which sets of nodes (``hidden``) and edges (``hidden:data``) are drawn, or ticked at first in a page.
    view
        The latitude and longitude to look at.

    Raises
    ------
    ConfigError
        If the file has another name or cannot be written, or there is nothing to show of a name.
    AbsentError
        For an image, without matplotlib.
    """
    suffix = output.suffix.lower()
    if suffix not in (".html", ".png"):
        raise ConfigError(f"{output} is neither .html nor .png.", fix="Choose one of the two endings.")
    scene = scene_of(graph, shown)
    if view is not None:
        scene = replace(scene, view=view, reach=1.0)
    content = page(scene, title).encode() if suffix == ".html" else picture(scene, title)
    try:
        write_whole(output, content)
    except OSError as error:
        raise ConfigError(
            f"{output} cannot be written: {error.strerror or error}.",
            fix=f"Check that the directory {output.parent} exists, can be written and has room.",
        ) from error
