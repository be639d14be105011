"""Groups of commands that plugins add to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..commands import OPEN_GROUPS
from ..errors import AnemoiError, PluginError

if TYPE_CHECKING:
    from ..plugins import InstalledComponent


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

    def added(self) -> dict[str, InstalledComponent]:
        """The commands of plugins that are not blocked, by what they are called here."""
        from ..plugins import components

        found: dict[str, InstalledComponent] = {}
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
        from ..plugins import load

        distribution, colon, last = cmd_name.rpartition(":")
        try:
            command: click.Command = load("command", f"{distribution}{colon}{self.prefix}{last}")
            return command
        except PluginError as error:
            if ctx.resilient_parsing:  # The shell is completing a line: a plugin must not disturb it.
                return None
            raise self.unknown(ctx, cmd_name) or error from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with; an error tells of all that it needs and is not here."""
        try:
            return super().resolve_command(ctx, args)
        except PluginError as error:
            from ..plugins import needed_by, together
            from .options import needed_by_checkpoints

            begins = needed_by(f"{self.prefix}{args[0]}", args[1:])
            raise together([error, *begins, *needed_by_checkpoints(args[1:])]) from error

    def unknown(self, ctx: click.Context, name: str) -> AnemoiError | None:
        """The error for a command that nothing is called; None where a plugin is known to have it."""
        from ..plugins import matching, provider, suggestion

        full = f"{self.prefix}{name}"
        if ":" in name or matching("command", full) or provider("command", full):
            return None
        nearest = suggestion(name, set(self.list_commands(ctx)), set(self.known()))
        words = " ".join(["anemoi", *self.prefix.split(".")]).strip()
        return AnemoiError(
            f"There is no command {f'{words} {name}'.removeprefix('anemoi ')!r}.",
            fix=nearest or f"To see what there is: {words} --help",
        )

    def known(self) -> dict[str, str]:
        """The commands of this group that the catalogue knows, installed or not, and their distributions."""
        from ..plugins import known, provider

        # The catalogue has names as they are compared, with dashes for dots.
        inner = tuple(f"{group}-" for group in OPEN_GROUPS)
        start = self.prefix.replace(".", "-")
        return {
            each.removeprefix(start): provider("command", each) or ""
            for each in sorted(known("command"))
            if each.startswith(start) and (start or not each.startswith(inner))
        }

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help line of every command: this group's own, those of plugins, those of absent ones."""
        with formatter.section("Commands"):
            formatter.write_dl(self.own_lines(ctx))
        try:
            rows = [(name, _line(component)) for name, component in self.added().items()]
            absent = self.absent()
        except AnemoiError as error:
            formatter.write_paragraph()
            formatter.write_text(f"The commands of plugins cannot be listed. {error}")
            return
        if rows:
            with formatter.section("Commands of the plugins installed here"):
                formatter.write_dl(rows)
        if absent:
            from ..plugins import install_command

            with formatter.section("Commands of plugins that are not installed"):
                formatter.write_dl([(name, f"in {distribution}") for name, distribution in absent.items()])
            # Not wrapped: it is there to be copied.
            formatter.write(f"\n  To install all of them: {install_command(absent.values())}\n")

    def absent(self) -> dict[str, str]:
        """The commands of this group that no distribution here offers, and those that would."""
        from ..plugins import components, normalise

        here = {normalise(component.name) for component in components("command")}
        return {
            name: distribution
            for name, distribution in self.known().items()
            if normalise(f"{self.prefix}{name}") not in here
        }

    def own_lines(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The names of this group's own commands, and their help lines."""
        limit = 120
        return [(name, command.get_short_help_str(limit)) for name, command in self.commands.items()]


def _line(component: InstalledComponent) -> str:
    from ..plugins import describe

    if component.state in ("ok", "conflict"):
        return describe(component)
    return f"({component.state}: see anemoi plugins why {component.name})"
