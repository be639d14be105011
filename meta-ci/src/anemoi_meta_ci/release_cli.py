"""The commands ``anemoi-meta-ci release``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .constraints import constraints as known_good
from .distribution import Distribution
from .folder_index import Index
from .release import fragments, versions
from .results import MatrixRun
from .train import Train

if TYPE_CHECKING:
    from .cli import Project


@click.group()
def release() -> None:
    """Release what has changes, in the right order."""


@release.command("plan")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plan(project: Callable[[], Project], as_json: bool) -> None:
    """Say what may be released, in which order, with which versions.

    The exit code is 2 if the set as it stands is not known to be good.
    """
    distributions = {each.name: each for each in _proved(project())}
    states = {name: each.state() for name, each in distributions.items()}
    found = versions(list(states.values()))
    texts = {name: [text for _, text in fragments(distributions[name].folder)] for name in found}
    if as_json:
        rows = [{"name": name, "version": found[name], "changes": texts[name]} for name in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for number, (name, version) in enumerate(found.items(), 1):
        click.echo(f"{number}. {name} {states[name].released or 'not released'} -> {version}")
        for text in texts[name]:
            click.echo(f"     {text.splitlines()[0]}")
    if not found:
        click.echo("Nothing has changes to release.")


@release.command("run")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@click.option(
    "--index", required=True, type=click.Path(path_type=Path), help="The folder of a package index to fill."
)
@click.option("--push", is_flag=True, help="Push commits and tags to origin.")
@click.pass_obj
def run(project: Callable[[], Project], folders: Sequence[Path], index: Path, push: bool) -> None:
    """Release the distributions in FOLDERS, or those of the matrix if its set is known to be good.

    Commits versions and changelogs, builds and tests every wheel, and only then tags, fills the index and
    pushes, what others require first. Run it again after a failure: it goes on where it was.
    """
    distributions = [Distribution(folder) for folder in folders] or _proved(project())
    Train(distributions, Index(index.resolve()), push=push, say=click.echo).run()


def _proved(opened: Project) -> list[Distribution]:
    """The distributions of a matrix that are folders, if all that it manages is known to be good together."""
    plan = opened.planner()
    plan.build()
    line = next(iter(opened.matrix.lines))
    known_good(opened.matrix, plan, MatrixRun.load(opened.results), line)
    sources = [
        opened.matrix.lines[line].core,
        *(opened.matrix.plugins[name].source for name in opened.matrix.managed),
    ]
    return [Distribution(opened.root / source.path) for source in sources if source.path is not None]
