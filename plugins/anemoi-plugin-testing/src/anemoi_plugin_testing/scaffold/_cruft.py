"""cruft, where it is installed, with its errors as ours and its chatter kept."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
from anemoi.core.errors import AnemoiError

from ._source import Source

RECORD: Final = ".cruft.json"


def cruft() -> Any:
    """The module ``cruft``, imported when it is needed.

    Raises
    ------
    AnemoiError
        If it is not installed.
    """
    try:
        return import_module("cruft")
    except ImportError as error:
        raise AnemoiError(
            f"The template needs cruft, which cannot be imported: {error}.",
            fix='Install it with: pip install "cruft>=2.16,<3"',
        ) from error


@contextlib.contextmanager
def quietly() -> Iterator[io.StringIO]:
    """Keep what cruft prints, and pass its errors on as ours; what it complains of is yielded."""
    from cookiecutter.exceptions import CookiecutterException

    said, complaints = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaints):
            yield complaints
    except click.ClickException as error:
        raise AnemoiError(error.message, fix="See --template and --checkout.") from error
    except CookiecutterException as error:
        raise AnemoiError(f"The template cannot be used: {error}") from error


def read(project: Path) -> dict[str, Any]:
    """What a plugin records of the template it was made from.

    Raises
    ------
    AnemoiError
        If there is no such record, or it cannot be read.
    """
    path = project / RECORD
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return {"template": state["template"], "commit": state["commit"], **state}
    except FileNotFoundError as error:
        raise AnemoiError(
            f"{project} was not made from the template: it has no {RECORD}.",
            fix="Run this in a plugin that `anemoi plugins new` made, or name its directory.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnemoiError(f"{path} cannot be read: {error!r}.", fix="Restore it from git.") from error


def record(project: Path, origin: Source) -> None:
    """Write down what the template is called, in place of where it was cloned from, and the answers alone."""
    state = read(project)
    answers = state["context"]["cookiecutter"]
    state.update(
        template=origin.template,
        checkout=origin.label,
        context={"cookiecutter": {key: answers[key] for key in answers if not key.startswith("_")}},
    )
    text = json.dumps(state, indent=2, ensure_ascii=False) + "\n"
    (project / RECORD).write_text(text, encoding="utf-8")
