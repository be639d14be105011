"""Tables on the command line, for the commands of core and of plugins."""

from __future__ import annotations

from collections.abc import Sequence

import click


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, widest: int = 40) -> None:
    """Print rows in columns under their titles.

    Parameters
    ----------
    titles
        Printed in capitals.
    rows
        The cells of each row, no more than there are titles.
    widest
        The largest width of a column; a wider cell pushes the rest of its row to the right.
    """
    table = [[title.upper() for title in titles], *rows]
    widths = [
        min(widest, max(len(row[column]) for row in table if column < len(row)))
        for column in range(len(titles))
    ]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip())
