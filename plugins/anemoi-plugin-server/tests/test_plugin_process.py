"""What names components of plugins is done in another process: none is loaded where pages are served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest
from anemoi.core.errors import ConfigError, PluginError

from anemoi_plugin_server import submission
from anemoi_plugin_server.plugin_process import PluginProcess
from anemoi_plugin_server.schedules import cron

from .api.conftest import write
from .test_process import are_dead, eventually

SERVED = """
import sys
from fastapi.testclient import TestClient
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.plugin_process import PLUGINS
from anemoi_plugin_server.services import Services
from anemoi_plugin_server.settings import Settings

def main():
    services = Services.of(Settings(directory=sys.argv[1], sources={"analysis": {"name": "sample"}}))
    client = TestClient(application(services), base_url="http://127.0.0.1:8080")
    given = {"model": "small", "start": "2025-12-22T00", "perturbation.name": "gaussian"}
    assert "perturbation.amplitude" in client.post("/new/forecast", data={**given, "_show": "x"}).text
    assert client.post("/new/forecast", data={**given, "perturbation.amplitude": "much"}).status_code == 422
    assert client.post("/new/forecast", data={**given, "perturbation.amplitude": "0.5"}).status_code == 200
    [job] = services.jobs.list()
    assert job.options["perturbation"] == {"name": "gaussian", "amplitude": 0.5}
    schema = client.get("/api/v1/kinds/forecast").json()["schema"]
    assert "gaussian" in schema["properties"]["perturbation"]["x-options"]
    PLUGINS.close()
    print(sorted({"torch", "anemoi_plugin_perturbations"} & set(sys.modules)))

if __name__ == "__main__":
    main()
"""


def test_no_torch_is_loaded_where_forms_are_served_and_jobs_are_checked(tmp_path):
    (tmp_path / "server" / "models").mkdir(parents=True)
    write(tmp_path / "server" / "models" / "small.safetensors")
    script = tmp_path / "served.py"
    script.write_text(SERVED)
    words = [sys.executable, str(script), str(tmp_path / "server")]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


@pytest.fixture
def process():
    process = PluginProcess()
    yield process
    process.close()


def test_what_is_given_back_and_raised_travels_and_the_process_stays(process):
    number = process.do(os.getpid)
    assert number != os.getpid()
    with pytest.raises(ConfigError, match="'noon' names no time") as refused:
        process.do(cron.check, "noon")
    assert "Write minute, hour" in refused.value.fix
    assert process.do(os.getpid) == number
    process.close()
    assert not psutil.pid_exists(number)


def test_a_process_that_dies_is_told_of_and_begun_anew(process):
    with pytest.raises(PluginError, match="has died"):
        process.do(os._exit, 1)
    assert process.do(os.getpid)


def test_it_ends_with_a_server_that_is_killed(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, signal\nfrom anemoi_plugin_server.plugin_process import PLUGINS\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may have it ignored
        "if __name__ == '__main__':\n"
        "    while True:\n        print(PLUGINS.do(os.getpid), flush=True)\n        input()\n"
    )
    server = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    number = int(server.stdout.readline())
    os.kill(number, signal.SIGINT)  # Ctrl-C in the terminal of the server is the server's
    server.stdin.write("\n")
    server.stdin.flush()
    assert int(server.stdout.readline()) == number
    server.kill()
    server.communicate()
    eventually(lambda: are_dead([number]))


def test_a_job_that_cannot_be_pickled_is_built_where_it_is_needed(monkeypatch):
    monkeypatch.setattr(submission, "_built", lambda kind, options: lambda: kind)
    assert submission._packed("trial", {}) is None


def test_an_error_of_a_constructor_is_none_of_pickling(monkeypatch):
    def fails(kind, options):
        raise TypeError("a mistake in a plugin")

    monkeypatch.setattr(submission, "_built", fails)
    with pytest.raises(TypeError, match="a mistake in a plugin"):
        submission._packed("trial", {})
