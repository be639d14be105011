"""The process that serves: where it listens, how it ends, and how another takes over."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from anemoi.core.errors import ConfigError, ResourceError

from anemoi_plugin_server.operations import serving

SCRIPT = """
from anemoi.core.cli.main import main
from anemoi_plugin_server.running.dispatcher import Dispatcher

Dispatcher.start = Dispatcher.stop = lambda self: None
main()
"""
"""The command without workers: what becomes of jobs is the business of `test_dispatcher.py`."""


@pytest.fixture
def started():
    """A function that starts a server in a process of its own, which does not outlive the test."""
    processes = []

    def start(log, *words, pass_fds=()):
        processes.append(_started(log, *words, pass_fds=pass_fds))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _started(log, *words, pass_fds):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "serve", "operations.log=json", *words],
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
        pass_fds=pass_fds,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def status(port, path="/api/v1/jobs"):
    """The status of an answer, or the error; on a connection of its own, as a proxy makes them."""
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        return error
    finally:
        connection.close()


def wait_until(happens, seconds=60):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(process):
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return process.returncode


def test_one_server_takes_over_from_another_and_no_request_fails(started, tmp_path):
    """Both have the socket from who started them, as a manager of services gives it."""
    listening = serving.bind("127.0.0.1", 0)
    fd, port = listening.fileno(), listening.getsockname()[1]
    words = ("--data", str(tmp_path / "data"), "--fd", str(fd))
    first = started(tmp_path / "first", *words, pass_fds=[fd])
    assert str(port) in first.stdout.readline()
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(status(port))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    try:
        for thread in asking:
            thread.start()
        wait_until(lambda: len(answers) > 20)
        second = started(tmp_path / "second", *words, pass_fds=[fd])
        assert str(port) in second.stdout.readline()
        slow = socket.create_connection(listening.getsockname())
        slow.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        time.sleep(0.5)
        first.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        slow.sendall(b"}")  # what was being asked when the end came is answered
        assert slow.recv(100).startswith(b"HTTP/1.1 422")
        slow.close()
        assert ended(first) == 0
        before = len(answers)
        wait_until(lambda: len(answers) > before + 20)
    finally:
        over.set()
        for thread in asking:
            thread.join()
    assert set(answers) == {200}
    assert ended(second) == 0
    lines = [line for name in ("first", "second") for line in (tmp_path / name).read_text().splitlines()]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert [line for line in told if line["level"] == "error"] == []
    assert sum(line["message"] == "Request" for line in told) == len(answers) + 1
    listening.close()


def test_ctrl_c_ends_a_server_with_workers_in_peace(tmp_path):
    """The terminal sends it to the processes of the workers too."""
    words = ["serve", "--port", "0", "--data", str(tmp_path / "data"), "operations.reserve=0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("anemoi"), *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        port = int(re.search(r":(\d+)", process.stdout.readline())[1])
        wait_until(lambda: status(port, "/health/ready") == 200, seconds=120)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
    finally:
        process.kill()
    told = (tmp_path / "log").read_text()
    assert (process.returncode, "Traceback" in told) == (0, False), told


def test_a_port_that_is_taken_and_an_address_that_is_none():
    taken = serving.bind("127.0.0.1", 0)
    with pytest.raises(ResourceError, match="cannot be listened on") as refused:
        serving.bind("127.0.0.1", taken.getsockname()[1])
    assert re.search(r"anemoi serve --port \d+", refused.value.fix)
    with pytest.raises(ConfigError, match="no address"):
        serving.bind("no such host", 0)
    taken.close()


def test_a_descriptor_is_a_socket_that_listens(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(ConfigError, match="no socket"):
        serving.inherited(os.dup(file.fileno()))
    with socket.socket() as silent, pytest.raises(ConfigError, match="no socket"):
        serving.inherited(os.dup(silent.fileno()))
