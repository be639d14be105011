"""The command ``anemoi-meta-ci``."""

from __future__ import annotations

import datetime
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from . import catalogue as catalogues
from . import matrix as matrices
from . import report as reports
from .bisect import first_bad
from .cells import expand
from .constraints import constraints as proved_set
from .constraints import ours, publish
from .errors import MetaCIError, NoWheelError
from .findings import findings
from .github import strategy
from .house import Wheelhouse
from .matrix import Matrix, Source
from .plan import Plan
from .planned import Planned
from .release_cli import release
from .resolve import Resolver
from .results import GREEN, MatrixRun, Result, against, together
from .run import Runner, clean


class Project:
    """A matrix, and the folder beside it that holds wheels, locks, logs and results."""

    def __init__(self, path: Path, folder: Path | None, max_age: float) -> None:
        self.path, self.matrix, self.max_age = path, matrices.load(path), max_age
        self.root = path.resolve().parent
        self.folder = (folder or self.root / ".meta-ci").resolve()

    @property
    def results(self) -> Path:
        """Where the last run is kept."""
        return self.folder / "results.json"

    def planner(self, matrix: Matrix | None = None) -> Plan:
        """Plans the cells of the matrix."""
        matrix = matrix or self.matrix
        template = None if matrix.template is None else self.root / matrix.template
        house = Wheelhouse(self.root, self.folder, template=template, indexes=matrix.indexes)
        return Plan(matrix, house, Resolver(house.locks, self.max_age, house.silence))

    def runner(self, plan: Plan) -> Runner:
        """Runs them."""
        return Runner(plan, self.folder, datetime.datetime.now(datetime.timezone.utc).date())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="anemoi-meta-ci")
@click.option(
    "--matrix",
    "path",
    type=click.Path(path_type=Path),
    default=Path("compat-matrix.yaml"),
    show_default=True,
    help="The matrix.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where wheels, locks, logs and results are kept.  [default: .meta-ci beside the matrix]",
)
@click.option(
    "--max-age",
    type=click.FloatRange(0),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Resolve versions again that were resolved longer ago than this.",
)
@click.pass_context
def cli(context: click.Context, path: Path, folder: Path | None, max_age: float) -> None:
    """Prove which versions of core and plugins work together, and publish a set that does."""
    context.obj = functools.partial(Project, path, folder, max_age)


@cli.command()
def schema() -> None:
    """Print the JSON schema of a matrix."""
    click.echo(json.dumps(matrices.schema(), indent=2))


@cli.command()
@click.option("--changed", multiple=True, metavar="PATH", help="Only cells that a change of PATH can affect.")
@click.option("--github", is_flag=True, help="Print a matrix for GitHub Actions, in shards of like duration.")
@click.option(
    "--shards", type=click.IntRange(1), default=8, show_default=True, help="With --github: how many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plan(
    project: Callable[[], Project], changed: Sequence[str], github: bool, shards: int, as_json: bool
) -> None:
    """Resolve every cell, install nothing, and print the cells."""
    opened = project()
    planned = opened.planner().plan(changed=changed or None)
    if github:
        earlier = MatrixRun.load(opened.results).results if opened.results.exists() else ()
        click.echo(json.dumps(strategy(planned, earlier, shards)))
    elif as_json:
        click.echo(json.dumps([_row(each) for each in planned], indent=2))
    else:
        for each in planned:
            note = each.impossible and f"  {each.impossible}"
            note = note or (each.unsatisfiable and f"  declared incompatible: {each.unsatisfiable}")
            click.echo(each.cell.id + note)
        click.echo(f"{len(planned)} cells, {sum(bool(each.locks) for each in planned)} of them to run.")


@cli.command()
@click.option(
    "--cell", multiple=True, metavar="PATTERN", help="Only cells of this name, such as 'main/*/all'."
)
@click.option("--changed", multiple=True, metavar="PATH", help="Only cells that a change of PATH can affect.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="Results of an earlier run to compare with."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=max(1, (os.cpu_count() or 1) // 2),
    show_default=True,
    help="Cells at a time.",
)
@click.pass_obj
def run(
    project: Callable[[], Project],
    cell: Sequence[str],
    changed: Sequence[str],
    baseline: Path | None,
    workers: int,
) -> None:
    """Run the cells, each in an environment of its own, from wheels.

    The exit code is 1 if a managed plugin is not as it should be, or an exclusion has to be mended.
    """
    opened = project()
    plan = opened.planner()
    planned = plan.plan(changed=changed or None, cells=cell or ("*",))
    if not planned:
        click.echo("No cell to run.")
        return
    clean(opened.folder)
    done = opened.runner(plan).run(planned, workers=workers, report=_say)
    if baseline:
        done = replace(done, results=tuple(against(done.results, MatrixRun.load(baseline).results)))
    done.save(opened.results)
    for said in (*done.findings, *done.errors):
        click.echo(said)
    counts = reports.counts(done.results)
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()) + ".")
    watched = {name for name, plugin in opened.matrix.plugins.items() if plugin.tier == "watched"}
    tolerated = GREEN | {"flaky", "not-run"}
    bad = [each for each in done.results if each.state not in tolerated and each.subject not in watched]
    sys.exit(1 if bad or done.errors else 0)


@cli.command()
@click.argument("parts", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULTS]...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write.  [default: report in the folder of results]",
)
@click.pass_obj
def report(project: Callable[[], Project], parts: Sequence[Path], output: Path | None) -> None:
    """Write the last run as a page, a summary, JUnit and badges.

    RESULTS are those of several runs of parts of the matrix, which are put together and become the last run.
    """
    opened = project()
    cells = {cell.id: cell for cell in expand(opened.matrix)}
    if parts:
        whole = together([MatrixRun.load(part) for part in parts])
        known = [each for each in whole.results if each.id in cells]
        compared = findings([cells[each.id] for each in known], known)
        said = tuple(dict.fromkeys((*compared, *whole.findings)))
        replace(whole, findings=said).save(opened.results)
    folder = output or opened.folder / "report"
    reports.write(MatrixRun.load(opened.results), folder, opened.folder / "logs", len(cells))
    click.echo(folder / "index.html")


@cli.command()
@click.argument("line")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write; printed by default.")
@click.pass_obj
def constraints(project: Callable[[], Project], line: str, output: Path | None) -> None:
    """Print the known-good set of LINE as constraints for pip, with hashes and the commits they are of.

    Into the folder 'wheels' beside FILE go the wheels that it names and no index has.
    """
    opened = project()
    if line not in opened.matrix.lines:
        raise MetaCIError(f"There is no line {line!r}; there are {', '.join(opened.matrix.lines)}.")
    plan = opened.planner()
    plan.build()
    text = proved_set(opened.matrix, plan, MatrixRun.load(opened.results), line)
    if output is None:
        click.echo(text, nl=False)
        return
    folder = publish(text, ours(opened.matrix, plan, line), output)
    also = f" --find-links {folder}" if folder else ""
    click.echo(f"{output}: pip install{also} --constraint {output} NAME...")


@cli.command()
@click.argument("plugin")
@click.option("--good", required=True, metavar="COMMIT", help="A commit of core with which it passed.")
@click.option("--bad", metavar="COMMIT", help="One with which it fails.  [default: the newest of the line]")
@click.option("--line", help="The line whose repository to search.  [default: the first]")
@click.pass_obj
def bisect(project: Callable[[], Project], plugin: str, good: str, bad: str | None, line: str | None) -> None:
    """Find the first commit of core that breaks PLUGIN."""
    opened = project()
    matrix = opened.matrix
    if plugin not in matrix.plugins:
        raise MetaCIError(f"There is no plugin {plugin!r}; there are {', '.join(matrix.plugins)}.")
    core = matrix.lines[line or next(iter(matrix.lines))].core
    if core.git is None and core.path is None:
        raise MetaCIError("Only a line whose core is a folder or in git has commits to search.")
    repository = core.git or "."
    subdirectory = core.subdirectory if core.git else str(core.path)
    bad = bad or core.ref or "HEAD"

    def passes(commit: str) -> bool:
        source = Source(git=repository, ref=commit, subdirectory=subdirectory)
        lines = {commit: matrices.Line(core=source)}
        leg = next(iter(matrix.legs.values()))
        legs = {"bisect": leg.model_copy(update={"lines": (commit,), "plugins": (plugin,), "smoke": False})}
        plan = opened.planner(matrix.model_copy(update={"lines": lines, "legs": legs}))
        results = opened.runner(plan).run(plan.plan()[:1], workers=1, report=_say).results
        return results[0].state in {"pass", "flaky"}

    try:
        commits = opened.planner().house.repositories.between(repository, good, bad)
    except NoWheelError as error:
        raise MetaCIError(f"There is nothing to search: {error}.") from None
    found = first_bad(commits, passes)
    if found is None:
        raise MetaCIError(f"{plugin} passes with {bad}: nothing to find.")
    click.echo(found)


@cli.command()
@click.option("--output", type=click.Path(path_type=Path), help="The folder to write.")
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Check the entry of a plugin instead.",
)
@click.option(
    "--entries",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of entries.  [default: catalogue beside the matrix]",
)
@click.option(
    "--python",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(sys.executable),
    help="The Python of an environment that has the plugins.  [default: this one]",
)
@click.option(
    "--known-good",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A known-good set to publish with it, one for each line of core.",
)
@click.pass_obj
def catalogue(
    project: Callable[[], Project],
    output: Path | None,
    checked: Path | None,
    entries: Path | None,
    python: Path,
    known_good: Sequence[Path],
) -> None:
    """Write the catalogue of plugins as a page and as JSON, or check the entry of one."""
    if (output is None) == (checked is None):
        raise click.UsageError("Give either --output or --check.")
    opened = project()
    folder = entries or opened.root / "catalogue"
    reserved = catalogues.reserved_names(opened.root / catalogues.NAMES)
    if checked is not None:
        entry = catalogues.check(checked, folder, reserved)
        click.echo(f"{entry.name} can be entered.")
    elif output is not None:
        run = MatrixRun.load(opened.results) if opened.results.exists() else None
        known = [catalogues.check(path, folder, reserved) for path in sorted(folder.glob("*.yaml"))]
        names = catalogues.write(output, known, opened.matrix.managed, run, python, known_good)
        click.echo(f"{output / 'index.html'}: {len(names)} plugins")


cli.add_command(release)


def _say(result: Result) -> None:
    """One line about a cell, as soon as it is through."""
    seconds = "cached" if result.cached else f"{result.seconds:.0f} s"
    reason = f": {result.reason}" if result.reason else ""
    click.echo(f"{reports.SYMBOLS[result.state]}  {result.id} ({seconds}){reason}")


def _row(planned: Planned) -> dict[str, Any]:
    return {
        "id": planned.cell.id,
        "stages": planned.cell.stages,
        "unsatisfiable": planned.unsatisfiable or None,
        "impossible": planned.impossible or None,
        "versions": planned.locks[0].versions if planned.locks else {},
    }


def _terminate(number: int, frame: object) -> None:
    """End as Ctrl-C does: what was started is killed, what is half made is cleared away."""
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; a user's mistake is one message and exit code 2."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        cli(standalone_mode=False)
    except MetaCIError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; what was through is kept.", err=True)
        sys.exit(130)
