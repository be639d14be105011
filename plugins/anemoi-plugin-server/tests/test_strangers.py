"""Options in a request name no file, no host, no secret and no code, whichever component takes them."""

from __future__ import annotations

import json

import pytest
from anemoi.core.errors import ConfigError
from starlette.testclient import TestClient

from anemoi_plugin_server.access import strangers
from anemoi_plugin_server.http.application import application


def nested(depth):
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


REFUSED = {
    "a path": "/etc/passwd",
    "a home directory": "~root/.ssh/id_rsa",
    "a way up": "../../models/secret",
    "a way up within": "a/../../b",
    "a way up alone": "..",
    "a URL": "https://evil.example/x",
    "a service of the cloud": "HTTP://169.254.169.254/latest/meta-data",
    "a bucket": "s3://bucket/key",
    "a chain": "simplecache::x",
    "a file URL": "file:/etc/passwd",
    "a path of Windows": "C:\\secret",
    "a share": "\\\\host\\share",
    "the environment": "${oc.env:AWS_SECRET_ACCESS_KEY}",
    "another value": "a${checkpoint}b",
    "a zero": "a\x00b",
    "an escape": "\x1b]0;owned\x07",
    "a line of a log": "a\nb",
    "a long text": "x" * 10_001,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: [x], lambda x: {"name": "gaussian", "spectrum": [{"k": x}]}]
)
def test_such_a_text_is_refused_however_deep(text, wrap):
    with pytest.raises(ConfigError):
        strangers.check({"perturbation": wrap(text)})


@pytest.mark.parametrize("key", ["_target_", "_args_", "_recursive_", "${x}", "a\nb", "k" * 101])
def test_such_a_key_is_refused_however_deep(key):
    with pytest.raises(ConfigError, match="has a key"):
        strangers.check({"perturbation": {"name": "gaussian", "spectrum": [{key: "os.system"}]}})


def test_depth_has_an_end():
    strangers.check({"x": nested(10)})
    with pytest.raises(ConfigError, match="deeper"):
        strangers.check({"x": nested(500)})


@pytest.mark.parametrize(
    "text", ["2025-12-22T00", "72h", "t_850", "m/s", "kg m-2 s-1", "q_*", "Ö", "1e-3", "a..b", "~"[:0]]
)
def test_what_options_are_is_taken(text):
    strangers.check({"start": text, "variables": [text], "perturbation": {"name": "bred", "spectrum": text}})


def test_the_environment_is_not_told_by_an_error(services, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hunter2")
    client = TestClient(application(services), base_url="http://localhost")
    for options in ({"start": "${oc.env:SECRET_OF_THE_SERVER}"}, {"model": "${oc.env:SECRET_OF_THE_SERVER}"}):
        answer = client.post("/api/v1/jobs", json={"kind": "forecast", "options": options})
        assert answer.status_code == 422
        assert "hunter2" not in answer.text
    assert services.jobs.list() == []


@pytest.mark.parametrize(
    "kind", ["os:system", "../forecast", "_target_", "anemoi_plugin_server.job.Job", "forecast\n"]
)
def test_a_kind_is_a_job_that_is_installed(services, kind):
    client = TestClient(application(services), base_url="http://localhost")
    answer = client.post("/api/v1/jobs", json={"kind": kind, "options": {}})
    assert 400 <= answer.status_code < 500
    assert services.jobs.list() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kind": "forecast", "options": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"kind": "forecast", "options": {"seed": NaN}}',
        b'{"kind": "forecast", "options": {"seed": ' + b"9" * 5000 + b"}}",
        b'{"kind": "forecast", "options": {}, "owner": "ada"}',
        json.dumps({"kind": "forecast", "options": {"x": nested(50)}}).encode(),
    ],
)
def test_a_malformed_request_is_the_fault_of_who_sent_it(services, body):
    client = TestClient(application(services), base_url="http://localhost", raise_server_exceptions=False)
    answer = client.post("/api/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert services.jobs.list() == []
