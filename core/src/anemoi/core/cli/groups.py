"""Groups of commands that plugins add to."""

from __future__ import annotations

from typing import Any

import click

from ..commands import OPEN_GROUPS
from ..errors import AnemoiError, PluginError
from ..plugins import Component, components, describe, load


class OpenGroup(click.Group):
    """A group whose own commands come first, and then those of plugins.

    The component ``plugins.check`` of the kind ``command`` is ``anemoi plugins check``. What a plugin's
    command is called, and its line in the help, are known without importing it.

    Parameters
    ----------
    prefix
        What the names of its components begin with: ``plugins.``.
    """

    def __init__(self, *arguments: Any, prefix: str = "", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.prefix = prefix

    def added(self) -> dict[str, Component]:
        """The commands of plugins that are not blocked, by what they are called here."""
        found: dict[str, Component] = {}
        for component in components("command"):
            group, dot, last = component.name.rpartition(".")
            if component.state != "blocked" and group + dot == self.prefix:
                conflict = component.state == "conflict"
                found[f"{component.distribution}:{last}" if conflict else last] = component
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands; those of plugins only if no list of blocked plugins is unreadable."""
        own = super().list_commands(ctx)
        try:
            return sorted({*own, *self.added()})
        except AnemoiError:
            return own

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command of this group, or import a plugin's."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        distribution, colon, last = cmd_name.rpartition(":")
        try:
            command: click.Command = load("command", f"{distribution}{colon}{self.prefix}{last}")
            return command
        except PluginError as error:
            if ctx.resilient_parsing:  # The shell is completing a line: a plugin must not disturb it.
                return None
            raise self.unknown(ctx, cmd_name) or error from error

    def unknown(self, ctx: click.Context, name: str) -> AnemoiError | None:
        """The error for a command that nothing is called; None where a plugin is known to have it."""
        from ..plugins import known, matching, provider, suggestion

        full = f"{self.prefix}{name}"
        if ":" in name or matching("command", full) or provider("command", full):
            return None
        # The catalogue has names as they are compared, with dashes for dots.
        inner = tuple(f"{group}-" for group in OPEN_GROUPS)
        start = self.prefix.replace(".", "-")
        installable = {
            each.removeprefix(start)
            for each in known("command")
            if each.startswith(start) and (start or not each.startswith(inner))
        }
        nearest = suggestion(name, set(self.list_commands(ctx)), installable)
        words = " ".join(["anemoi", *self.prefix.split(".")]).strip()
        return AnemoiError(
            f"There is no command {f'{words} {name}'.removeprefix('anemoi ')!r}.",
            fix=nearest or f"To see what there is: {words} --help",
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help line of every command, of this group's own first."""
        with formatter.section("Commands"):
            formatter.write_dl(self.own_lines(ctx))
        try:
            rows = [(name, _line(component)) for name, component in self.added().items()]
        except AnemoiError as error:
            formatter.write_paragraph()
            formatter.write_text(f"The commands of plugins cannot be listed. {error}")
            return
        if rows:
            with formatter.section("Commands of the plugins installed here"):
                formatter.write_dl(rows)

    def own_lines(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The names of this group's own commands, and their help lines."""
        limit = 120
        return [(name, command.get_short_help_str(limit)) for name, command in self.commands.items()]


def _line(component: Component) -> str:
    if component.state in ("ok", "conflict"):
        return describe(component)
    return f"({component.state}: see anemoi plugins why {component.name})"
