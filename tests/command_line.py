"""The commands that there are, those of plugins included."""

from __future__ import annotations

from collections.abc import Iterator

import click


def commands(group: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command of a group, with the words that call it."""
    yield context.command_path, group
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            each = group.get_command(context, name)
            assert each is not None, name
            yield from commands(each, click.Context(each, info_name=name, parent=context))
