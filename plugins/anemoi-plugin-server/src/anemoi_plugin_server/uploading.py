"""Takes in a checkpoint from a stranger: streamed beside the others, checked, and given its name at once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from anemoi.core.errors import CheckpointError, RequestError
from anemoi.core.files import hidden_beside, put_in_place, remove
from starlette.concurrency import run_in_threadpool

from .errors import ChangedError, ConflictError
from .models import Model, verify
from .offers import NAME, SUFFIX


async def upload(
    directory: Path,
    name: str,
    parts: AsyncIterator[bytes],
    *,
    overwrite: bool = False,
    identity: str | None = None,
) -> Model:
    """Take in a model.

    Nothing but data is read of it, and not more than its header and its hash. It appears when it is whole and
    right, or not at all.

    Parameters
    ----------
    directory
        That of the models.
    name
        What it is to be called.
    parts
        Its bytes, as they come.
    overwrite
        Whether one that has the name is replaced.
    identity
        What the one that has the name must be to be replaced.

    Raises
    ------
    RequestError
        If it cannot be called so.
    CheckpointError
        If it is no checkpoint, or is damaged.
    ConflictError
        If there is one already that is not to be replaced.
    """
    if not NAME.fullmatch(name):
        raise RequestError(
            f"{name!r} is no name of a model.",
            fix="Write letters, digits, dots, - and _, beginning with a letter or a digit: aifs-o96-1.0",
        )
    path = directory / f"{name}{SUFFIX}"
    # Told before gigabytes are sent as well as afterwards, when it is decided.
    await run_in_threadpool(_check_free, path, overwrite, identity)
    partial = hidden_beside(path)
    try:
        await _receive(partial, parts)
        await run_in_threadpool(_check, partial, name)
        await run_in_threadpool(_place, partial, path, overwrite, identity)
    finally:
        remove(partial)
    return await run_in_threadpool(Model.read, path)


async def _receive(partial: Path, parts: AsyncIterator[bytes]) -> None:
    with partial.open("xb") as file:
        async for part in parts:
            await run_in_threadpool(file.write, part)


def _check(partial: Path, name: str) -> None:
    """Inspect it; an error names the model, and not where it lies."""
    try:
        verify(partial)
    except CheckpointError as error:
        raise CheckpointError(error.what.replace(str(partial), name), fix=error.fix) from None


def _check_free(path: Path, overwrite: bool, identity: str | None) -> None:
    if identity is not None:
        there = Model.read(path).inspection.identity if path.exists() else None
        if there != identity:
            raise ChangedError(
                f"The model {path.stem} is {there or 'not there'}, not {identity}.",
                fix="Look at it again before you replace it.",
            )
    elif path.exists() and not overwrite:
        raise _taken(path)


def _place(partial: Path, path: Path, overwrite: bool, identity: str | None) -> None:
    _check_free(path, overwrite, identity)
    if overwrite or identity is not None:
        put_in_place(partial, path, durable=True)
        return
    try:
        os.link(partial, path)  # which fails where another was quicker
    except FileExistsError:
        raise _taken(path) from None


def _taken(path: Path) -> ConflictError:
    return ConflictError(
        f"There is a model {path.stem} already.",
        fix="Choose another name, or ask to replace it: with `overwrite`, or `If-Match` and its ETag.",
    )
