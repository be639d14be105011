"""Commands whose module imports nothing but click."""

import click


def make(**attributes):
    """A command with one option, and what else is said."""

    @click.option("--output", help="Where to write.")
    def moon(output):
        """Draw the moon."""

    return click.command(**attributes)(moon)


def sky(*commands, **attributes):
    """A group of commands."""
    return click.Group("sky", commands={command.name: command for command in commands}, **attributes)


@click.command()
@click.option("--phase")
def phases(phase):
    """Draw the phases of the moon."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def anything(words):
    """Take whatever comes."""
