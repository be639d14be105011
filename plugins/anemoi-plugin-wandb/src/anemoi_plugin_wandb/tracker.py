"""The tracker ``wandb``."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anemoi.core.checkpoint import inspect
from anemoi.core.errors import AnemoiError, CheckpointError
from anemoi.core.files import write_whole
from anemoi.core.interfaces import Tracker
from pydantic import Field

if TYPE_CHECKING:
    import wandb

FOLDER = "wandb"
"""The folder in the directory of a run that wandb writes to."""

_ID = "run-id"
_EXIT_CODES = {"finished": 0, "failed": 1, "interrupted": 75}


class WandbTracker(Tracker):
    """Records a run in Weights & Biases.

    A process of wandb's own writes the record to ``wandb/`` in the directory of the run, and with
    ``mode=online`` sends it to the server meanwhile. ``wandb sync RUN/wandb/offline-run-*`` sends what was
    recorded offline.

    Parameters
    ----------
    directory
        As for every :class:`~anemoi.core.interfaces.tracker.Tracker`.
    project
        The project of Weights & Biases that the run belongs to.
    entity
        The user or team that the project belongs to; None is the default of the account.
    mode
        ``offline`` needs no network and no account; ``online`` needs both, and an API key in
        ``WANDB_API_KEY`` or from ``wandb login``.
    system_metrics
        Whether the load of processors, memory and GPUs is recorded.
    upload_checkpoints
        Whether checkpoints are sent; if not, what they say of themselves is in the summary of the run all the
        same.
    patience
        Seconds to wait for the server at the start and at the end of the run. What it has not taken by then
        stays in the directory of the run, from where ``wandb sync`` sends it.
    """

    def __init__(
        self,
        *,
        directory: Path,
        project: str = "anemoi",
        entity: str | None = None,
        mode: Literal["offline", "online"] = "offline",
        system_metrics: bool = True,
        upload_checkpoints: bool = False,
        patience: Annotated[float, Field(gt=0)] = 10.0,
    ) -> None:
        self._directory = directory.resolve()
        self._project, self._entity, self._mode = project, entity, mode
        self._system_metrics = system_metrics
        self._upload_checkpoints = upload_checkpoints
        self._patience = patience
        self._run: wandb.Run | None = None

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        # Reports of crashes would go to wandb's makers. It is read when wandb is imported.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb  # Takes half a second: only a run that records here pays for it.

        if self._mode == "online" and not wandb.login(prompt=False):
            raise AnemoiError(
                "There is no API key for Weights & Biases.",
                fix="Set WANDB_API_KEY, run 'wandb login', or record offline: trackers.wandb.mode=offline",
            )
        self._run = wandb.init(
            project=self._project,
            entity=self._entity,
            mode=self._mode,
            id=self._id(),
            name=run,
            dir=self._directory,
            config=dict(parameters.get("values", parameters)),
            notes=" ".join(parameters.get("overrides", ())),
            reinit="create_new",  # Whatever else in this process records there.
            resume="allow" if self._mode == "online" else None,
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=not self._system_metrics,
                init_timeout=self._patience,
                finish_timeout=self._patience,
                finish_timeout_raises=True,
            ),
        )
        # By itself wandb counts calls, and refuses to go back: a run that is resumed does.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._started.log({**{name: float(each) for name, each in values.items()}, "step": step})

    def artefact(self, path: Path) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        path = path.resolve()
        try:
            found = inspect(path)
        except CheckpointError:
            found = None
        if found is not None:
            self._started.summary.update({"checkpoint": path.name, "checkpoint_identity": found.identity})
        if found is None or self._upload_checkpoints:
            self._started.save(path, base_path=self._directory, policy="now")

    def finish(self, status: str) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`."""
        self._started.summary["status"] = status
        self._started.finish(exit_code=_EXIT_CODES.get(status, 1))

    def _id(self) -> str:
        """The name of the run on the server, which it keeps when it is resumed."""
        file = self._directory / FOLDER / _ID
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_whole(file, uuid.uuid4().hex.encode())
        return file.read_text(encoding="utf-8")

    @property
    def _started(self) -> wandb.Run:
        if self._run is None:
            raise AnemoiError("The tracker wandb was given something to record before its start.")
        return self._run
