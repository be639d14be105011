from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from mlflow.tracking import MlflowClient


class Server:
    """A real MLflow server on the loopback interface, with a store in SQLite."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        words = f"--host 127.0.0.1 --port {self.port} --workers 1 --backend-store-uri sqlite:///server.db"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words.split(), "--artifacts-destination", "files"],
            cwd=self.folder,
            start_new_session=True,
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdout=(self.folder / "server.log").open("ab"),
            stderr=subprocess.STDOUT,
        )

    def wait(self):
        for _ in range(600):
            if self._healthy():
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "server.log").read_text())

    def _healthy(self):
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                return True
        except OSError:
            return False

    def kill(self):
        """As a power cut would: no goodbye."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    @property
    def client(self):
        return MlflowClient(self.uri)

    def run(self, name):
        """The one run of this name, in whatever experiment."""
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        (run,) = self.client.search_runs(ids, f"attributes.run_name = '{name}'")
        return run

    def history(self, name, metric="loss"):
        """The steps and values of a metric, as the server has them, in order of step."""
        found = self.client.get_metric_history(self.run(name).info.run_id, metric)
        return sorted((metric.step, metric.value) for metric in found)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    server.wait()
    yield server
    server.kill()


@pytest.fixture
def black_hole():
    """The URI of a server that takes every call and never answers."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


PARAMETERS = {
    "primary": "train",
    "overrides": ["model.channels=8", "+note=long", "~forcings"],
    "values": {
        "objective": {"name": "rollout"},
        "model": {
            "name": "encoder-processor-decoder",
            "channels": 8,
            "encoder": {"name": "transformer"},
            "processor": {"name": "transformer", "num_layers": 1},
            "decoder": {"name": "transformer"},
        },
        "training": {"learning_rate": 4e-3, "device": None},
        "variables": ["t", "q"],
        "note": "x" * 7000,
        "odd": {"a$b (é)": "µ"},
        "many": {f"key{i}": i for i in range(250)},
    },
}


@pytest.fixture
def parameters():
    return PARAMETERS
