"""The first hour: what a reader types first runs, and what is missing is told at once, with the way to get it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import environment
import numpy as np
import pytest
import yaml
from anemoi.core.cli import main
from anemoi.core.plugins import find_kind, kinds
from anemoi.core.plugins._catalogue import begins_with
from anemoi_plugin_testing.scaffold import kinds_of_template
from packaging.requirements import Requirement
from scipy.io import netcdf_file

ROOT = Path(__file__).parents[1]
HERE = {"anemoi-core", *(path.name for path in ROOT.glob("plugins/anemoi-plugin-*"))}
"""The distributions of this repository."""

SHORT = "training.steps=2 training.rollout_steps=1"
TINY = f"{SHORT} graph.refinement=1 model.channels=8 model.processor.num_layers=1"
QUICKSTART = "anemoi-core[quickstart]"


def blocks(page: Path) -> list[list[str]]:
    """The indented blocks of a page, each as the commands in it."""
    found = re.findall(r"(?:^    \S.*\n(?:^     .*\n)*)+", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"\\\n\s*", "", block).replace("\n    ", "\n").strip().splitlines() for block in found]


def installed_by(command: str) -> list[Requirement]:
    """What a line with ``pip install`` installs."""
    words = shlex.split(command)
    assert words[:2] == ["pip", "install"], command
    return [Requirement(word) for word in words[2:]]


def shell(command: str, python: Path, cwd: Path, *, code: int = 0) -> str:
    """What a command line prints in an environment; it must end with ``code``."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env={**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def make(where: Path, requirements: Iterable[Requirement | str]) -> Path:
    return environment.make(where, [str(each) for each in requirements])


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """An environment with what the extra brings."""
    return make(tmp_path_factory.mktemp("quickstart") / "env", [QUICKSTART])


@pytest.fixture(scope="module")
def checkpoint(quickstart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    shell(f"anemoi train {TINY} --output run", quickstart, folder)
    return folder / "run" / "checkpoint.safetensors"


def test_the_first_lines_of_the_readme_run(tmp_path):
    pip, *lines = blocks(ROOT / "README.md")[0]
    wanted = installed_by(pip)
    python = make(tmp_path / "env", wanted)
    assert [line.split()[1] for line in lines] == ["plugins", "train", "forecast"]
    for line in lines:
        training = line.startswith("anemoi train")
        shell(f"{line} {SHORT}" if training else line, python, tmp_path)
    assert (tmp_path / "forecast.zarr").is_dir()


def test_the_extra_brings_distributions_of_this_repository():
    [wanted] = installed_by(blocks(ROOT / "README.md")[0][0])
    assert (wanted.name, wanted.extras) == ("anemoi-core", {"quickstart"})
    metadata = environment.distribution("anemoi-core")
    lines = [Requirement(line) for line in metadata.requires or ()]
    brought = {each.name for each in lines if each.marker and each.marker.evaluate({"extra": "quickstart"})}
    assert brought
    assert brought <= HERE


def test_the_commands_of_the_quickstart_run(quickstart, tmp_path):
    commands = [line for block in blocks(ROOT / "docs" / "quickstart.md") for line in block]
    for verb, more in (
        ("train +experiment=quickstart", TINY),
        ("forecast", ""),
        ("evaluate", "--lead-time 6h"),
    ):
        [line] = [line for line in commands if line.startswith(f"anemoi {verb}")]
        shell(f"{line} {more}", quickstart, tmp_path)
    assert (tmp_path / "quickstart" / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    "readme", sorted(ROOT.glob("plugins/*/README.md")), ids=lambda path: path.parent.name
)
def test_a_plugin_that_is_trained_says_how_to_install_the_rest(readme):
    pip, *lines = next((block for block in blocks(readme) if block[0].startswith("pip")), ["pip install x"])
    if any(line.startswith("anemoi train") and not re.search("[A-Z]{4}", line) for line in lines):
        assert QUICKSTART in map(str, installed_by(pip.partition("#")[0]))


LESS = {
    "graph": f"{SHORT} graph.hidden_nodes=50 model.channels=8",
    "model": f"{SHORT} graph.refinement=1 model.channels=8",
    "node_builder": f"{SHORT} graph.nodes.hidden.count=50 model.channels=8",
    "edge_builder": f"{SHORT} graph.nodes.hidden.refinement=1 model.channels=8",
    "edge_attribute": f"{SHORT} graph.nodes.hidden.refinement=1 model.channels=8",
    "node_attribute": f"{SHORT} graph.nodes.hidden.refinement=1 model.channels=8",
    "config": f"{SHORT} graph.refinement=1",
    "metric": "--lead-time 6h --end 2025-12-22T06",
    "postprocessor": "",
    "perturbation": "",
    "output": "",
    "command": "",
    "job": "lead_time=6h --watch",
}
"""What makes the line of a kind shorter; a training of the usual model, if nothing is said."""


@pytest.mark.parametrize(
    "kind",
    [
        *kinds_of_template(),
        *(name for name in kinds() if find_kind(name).scaffold),
    ],
)
def test_the_lines_of_a_new_plugins_readme_run(kind, checkpoint, tmp_path, monkeypatch):
    assert main(["plugins", "new", kind, "mine", "--output-dir", str(tmp_path)]) == 0
    plugin = tmp_path / "anemoi-plugin-mine"
    pip, line = blocks(plugin / "README.md")[0]
    own, *others = installed_by(pip)
    assert own.name == plugin.name
    project = (plugin / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(
        r'"([^"]+)"', re.search(r"^dependencies = \[(.*?)\]", project, re.MULTILINE | re.DOTALL)[1]
    )
    python = make(tmp_path / "env", [*others, *needed])
    words = ["pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    environment.run(sys.executable, "-m", *words, "--wheel-dir", tmp_path / "dist", plugin)
    environment.install(python, *(tmp_path / "dist").iterdir())
    write_states(tmp_path / "FILE.nc")
    line = f"{line} {LESS.get(kind, TINY if kind not in ('processor', 'mapper') else LESS['model'])}"
    if kind == "job":
        with serving(python, tmp_path / "server", checkpoint) as url:
            monkeypatch.setenv("ANEMOI_SERVER", url)
            shell(line, python, tmp_path)
    else:
        line = line.replace("CHECKPOINT", str(checkpoint)).replace("MODEL", str(checkpoint))
        shell(line, python, tmp_path)


@contextmanager
def serving(python: Path, directory: Path, checkpoint: Path) -> Iterator[str]:
    """Serve a checkpoint as the model MODEL; the address."""
    (directory / "models").mkdir(parents=True)
    shutil.copy(checkpoint, directory / "models" / "MODEL.safetensors")
    command = [python.with_name("anemoi"), "serve", "--port", "0", "--data", directory]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://[^:]+:\d+", line)))
        finally:
            server.terminate()


def write_states(path: Path) -> None:
    """Ten days of a field on a small grid, as classic NetCDF."""
    axes = {
        "time": np.arange(0.0, 240.0, 6.0),
        "latitude": np.linspace(80.0, -80.0, 9),
        "longitude": np.arange(0.0, 360.0, 20.0),
    }
    with netcdf_file(path, "w") as file:
        for name, values in axes.items():
            file.createDimension(name, len(values))
            file.createVariable(name, "d", (name,))[:] = values
        file.variables["time"].units = "hours since 2020-01-01 00:00:00"
        field = np.random.default_rng(0).normal(280.0, 5.0, tuple(map(len, axes.values())))
        file.createVariable("t2m", "f", tuple(axes))[:] = field
        file.variables["t2m"].units = "K"


@pytest.fixture(scope="module")
def core_alone(tmp_path_factory):
    return make(tmp_path_factory.mktemp("core") / "env", ["anemoi-core"])


@pytest.fixture(scope="module")
def trainer_alone(tmp_path_factory):
    return make(tmp_path_factory.mktemp("trainer") / "env", ["anemoi-plugin-training"])


def commands_in(said: str) -> list[set[str]]:
    """What each command with pip that is said would install."""
    return [{each.name for each in installed_by(line)} for line in re.findall(r"pip install .*", said)]


def test_help_lists_commands_that_could_be_installed(core_alone, trainer_alone, tmp_path):
    said = shell("anemoi --help", core_alone, tmp_path)
    _, _, absent = said.partition("Commands of plugins that are not installed:\n")
    assert re.search(r"^  train +in anemoi-plugin-training$", absent, re.MULTILINE)
    assert re.search(r"^  evaluate +in anemoi-plugin-verification$", absent, re.MULTILINE)
    assert "plugins-new" not in said
    [would_install] = commands_in(absent)
    assert (
        {"anemoi-plugin-training", "anemoi-plugin-verification", "anemoi-plugin-zarr"}
        <= would_install
        <= HERE
    )

    here, _, absent = shell("anemoi --help", trainer_alone, tmp_path).partition("that are not installed:\n")
    assert "train  Train a model." in here
    assert "anemoi-plugin-training" not in absent
    assert "new     in anemoi-plugin-testing" in shell("anemoi plugins --help", core_alone, tmp_path)


@pytest.mark.parametrize("alone", ["core_alone", "trainer_alone"])
@pytest.mark.parametrize("model", ["transformer", "gnn"])
def test_train_tells_all_that_is_missing_and_one_command(alone, model, request, tmp_path):
    said = shell(
        f"anemoi train model={model} model.channels=8", request.getfixturevalue(alone), tmp_path, code=5
    )
    expected = {f"anemoi-plugin-{name}" for name in ("graphs", "sample-data", model)}
    expected |= {"anemoi-plugin-training"} if alone == "core_alone" else set()
    assert commands_in(said) == [expected]
    first, *_ = said.splitlines()
    assert first.startswith("Error: The ")
    for name in expected:
        assert f"is not installed; {name} provides it." in said
    assert not list(tmp_path.iterdir())


def test_what_train_says_is_enough(trainer_alone, core_alone, tmp_path):
    said = shell("anemoi train", core_alone, tmp_path, code=5)
    python = make(tmp_path / "env", *commands_in(said))
    shell(f"anemoi train {TINY}", python, tmp_path)


def test_train_tells_of_components_deeper_in_the_configuration(trainer_alone, tmp_path):
    words = "+trackers.more.name=mlflow +experiment=sample-atmosphere 'training.steps=[' "
    said = shell(f"anemoi train {words}", trainer_alone, tmp_path, code=5)
    assert "sample-atmosphere" in said
    [would_install] = commands_in(said)
    assert would_install == {"anemoi-plugin-graphs", "anemoi-plugin-sample-data", "anemoi-plugin-transformer"}
    said = shell(f"anemoi train {words.partition('+exp')[0]}", trainer_alone, tmp_path, code=5)
    assert "anemoi-plugin-mlflow" in commands_in(said)[0]


def test_forecast_tells_of_the_model_the_source_and_the_outputs_at_once(trainer_alone, checkpoint, tmp_path):
    line = f"anemoi forecast {checkpoint} --date 2025-12-23T00 --output x.grib --output y.nc"
    said = shell(line, trainer_alone, tmp_path, code=5)
    names = ("grib", "netcdf", "sample-data", "transformer")
    assert commands_in(said) == [{f"anemoi-plugin-{name}" for name in names}]
    assert "y.nc cannot be written" in said
    said = shell(f"{line} --source analysis.zarr", trainer_alone, tmp_path, code=5)
    names = ("grib", "netcdf", "transformer", "zarr")
    assert commands_in(said) == [{f"anemoi-plugin-{name}" for name in names}]
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def verification_alone(tmp_path_factory):
    return make(tmp_path_factory.mktemp("verification") / "env", ["anemoi-plugin-verification"])


@pytest.mark.parametrize("alone", ["core_alone", "verification_alone"])
def test_evaluate_tells_of_the_model_and_the_source_at_once(alone, checkpoint, request, tmp_path):
    python = request.getfixturevalue(alone)
    brought = {"anemoi-plugin-verification"} if alone == "core_alone" else set()
    line = f"anemoi evaluate {checkpoint} --report report"
    said = shell(line, python, tmp_path, code=5)
    assert commands_in(said) == [{"anemoi-plugin-sample-data", "anemoi-plugin-transformer", *brought}]
    said = shell(f"{line} --source analysis.zarr", python, tmp_path, code=5)
    assert commands_in(said) == [{"anemoi-plugin-zarr", "anemoi-plugin-transformer", *brought}]
    assert not list(tmp_path.iterdir())


def test_evaluate_tells_of_a_metric_with_the_rest(verification_alone, checkpoint, tmp_path):
    line = f"anemoi evaluate {checkpoint} --metric nobodys --metric crps"
    said = shell(line, verification_alone, tmp_path, code=5)
    assert "no metric called 'nobodys'" in said
    assert commands_in(said) == [{"anemoi-plugin-sample-data", "anemoi-plugin-transformer"}]


def test_what_is_incompatible_is_called_so(tmp_path, checkpoint):
    python = make(tmp_path / "env", ["anemoi-plugin-training"])
    [site] = python.parents[1].glob("lib/*/site-packages")
    for name, groups, component in (
        ("graphs", ["graphs"], "icosahedral"),
        ("transformer", ["processors", "mappers"], "transformer"),
        ("zarr", ["outputs"], "zarr"),
    ):
        folder = site / f"anemoi_plugin_{name}-0.1.3.dist-info"
        folder.mkdir()
        header = f"Metadata-Version: 2.1\nName: anemoi-plugin-{name}\nVersion: 0.1.3\n"
        (folder / "METADATA").write_text(f"{header}Requires-Dist: anemoi-core>=0.1,<0.2\n", encoding="utf-8")
        points = "".join(f"[anemoi.core.{group}]\n{component} = nowhere:It\n" for group in groups)
        (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    (tmp_path / "work").mkdir()
    forecast = f"anemoi forecast {checkpoint} --date 2025-12-23T00 --output x.zarr"
    for line, old in (("anemoi train", "graphs"), ("anemoi train", "transformer"), (forecast, "zarr")):
        said = shell(line, python, tmp_path / "work", code=5)
        assert f"of anemoi-plugin-{old} 0.1.3 is incompatible: requires anemoi-core" in said
        assert f"pip install --upgrade anemoi-plugin-{old}" in said
        assert "To install all that is missing: pip install anemoi-plugin-sample-data" in said
        assert "--allow-different-versions" not in said


def test_the_catalogue_knows_what_train_begins_with():
    conf = ROOT / "plugins/anemoi-plugin-training/src/anemoi_plugin_training/conf"
    items = yaml.safe_load((conf / "train.yaml").read_text(encoding="utf-8"))["defaults"]
    choices = {group: name for item in items if isinstance(item, dict) for group, name in item.items()}
    brought = {
        group
        for group, names in choices.items()
        if all(
            (conf / group / f"{name}.yaml").is_file()
            for name in ([names] if isinstance(names, str) else names)
        )
    }
    others = {group: name for group, name in choices.items() if group not in brought}
    assert begins_with("train") == others
