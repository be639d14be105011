"""A command that takes long to import."""

import click
import torch  # noqa: F401


@click.command()
def moon():
    """Draw the moon, slowly."""
