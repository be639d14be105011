"""The tracker ``mlflow``: it only ever writes to a spool, which a process of its own delivers."""

from __future__ import annotations

import getpass
import logging
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from anemoi.core.checkpoint import lock
from anemoi.core.interfaces.tracker import Tracker
from anemoi.core.provenance import provenance
from anemoi.core.secrets import masked
from pydantic import Field

from .spool import SQLITE, URI_VARIABLE, Spool
from .system import Sampler

log = logging.getLogger("anemoi")


class Mlflow(Tracker):
    """Records a run in MLflow.

    The training never waits for a server: it appends to a spool in the directory of the run, and a process
    beside it delivers that, again and again until the server has it. Whatever could not be delivered
    stays in the spool, and ``anemoi mlflow sync DIRECTORY`` delivers it later.

    Parameters
    ----------
    uri
        The tracking URI of a server or a store; None is a local one, ``mlflow.db`` beside the run directory.
    experiment
        The experiment of MLflow that the run belongs to.
    system_metrics_every
        Seconds between two looks at the load of processors, memory and GPUs; 0 never looks.
    upload_checkpoints
        Whether checkpoints are copied to the store; if not, what they say about themselves is all the same.
    patience
        Seconds to wait at the end of the run for what is not delivered yet.
    """

    def __init__(
        self,
        *,
        directory: Path,
        uri: str | None = None,
        experiment: str = "anemoi",
        system_metrics_every: Annotated[float, Field(ge=0)] = 10.0,
        upload_checkpoints: bool = True,
        patience: Annotated[float, Field(ge=0)] = 10.0,
    ) -> None:
        directory = directory.resolve()
        self._spool = Spool(directory)
        self._uri = _absolute(uri or f"{SQLITE}{directory.parent / 'mlflow.db'}")
        self._experiment = experiment
        self._upload_checkpoints = upload_checkpoints
        self._patience = patience
        self._sampler = Sampler(self._record_system, every=system_metrics_every)
        self._delivery: subprocess.Popen[bytes] | None = None

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._spool.folder.mkdir(exist_ok=True)
        if self._spool.reopen():
            self._spool.append("resume")
        else:
            self._begin(run, parameters)
        self._delivery = _deliver(self._spool, self._uri, patience=self._patience)
        self._sampler.start()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._spool.append("metrics", step=step, values={name: float(each) for name, each in values.items()})

    def artefact(self, path: Path) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._spool.append("file", path=os.path.relpath(path.resolve(), self._spool.run_directory))

    def finish(self, status: str) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._sampler.stop()
        self._spool.append("finish", status=status)
        if self._delivery is not None:
            _end(self._delivery, patience=self._patience)
        self._report()

    def _begin(self, run: str, parameters: Mapping[str, Any]) -> None:
        values = parameters.get("values", {})
        self._spool.append(
            "start",
            run=run,
            uid=uuid.uuid4().hex,
            uri=masked(self._uri),
            experiment=self._experiment,
            user=_user(),
            upload_checkpoints=self._upload_checkpoints,
            parameters=masked(parameters),
            lock=[vars(entry) for entry in lock(values)] if "model" in values else [],
            provenance=provenance(parents=()),
        )

    def _record_system(self, values: Mapping[str, float], sample: int) -> None:
        self._spool.append("metrics", step=sample, values=values)

    def _report(self) -> None:
        """Say what is not where it should be, if anything, and how to get it there."""
        delivered, pending = self._spool.delivered(), self._spool.pending
        if pending:
            why = delivered.trouble or "there was no time"
            log.warning(
                "The tracker mlflow has not delivered %d records to %s yet (%s). "
                "They are kept; to deliver them later: anemoi mlflow sync %s",
                pending,
                masked(self._uri),
                why,
                shlex.quote(str(self._spool.run_directory)),
            )
        if delivered.refused:
            log.warning(
                "%s refused %d records of the tracker mlflow: see %s",
                masked(self._uri),
                delivered.refused,
                self._spool.log,
            )


def _absolute(uri: str) -> str:
    """Make the path of a local store independent of the working directory."""
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).resolve()}" if uri.startswith(SQLITE) else uri


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # In a container the number of the user may have no name.
        return str(os.getuid())


def _deliver(spool: Spool, uri: str, *, patience: float) -> subprocess.Popen[bytes]:
    """Start the process that delivers a spool.

    It is a process and no thread, because MLflow takes seconds to import and to make a store, in which the
    training should not stand still, and because it may hang or crash. Its session is its own, so that
    Ctrl-C ends the training and not the record of how that ended; its working directory is the spool's, where
    no file of the user's can stand for a module of Python's. It is given the URI, which may have a password,
    by its environment: other users see arguments, and the spool is passed on.
    """
    with spool.log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "anemoi_plugin_mlflow.process", spool.run_directory, str(patience)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=spool.folder,
            env={**os.environ, URI_VARIABLE: uri},
            start_new_session=True,
        )


def _end(delivery: subprocess.Popen[bytes], *, patience: float) -> None:
    """Tell the process that no more will come, and wait for it, but not for ever."""
    try:
        delivery.communicate(b"end", timeout=patience + 0.5)
    except subprocess.TimeoutExpired:
        delivery.kill()
        delivery.wait()
