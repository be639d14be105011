"""Files that were made to harm: each is one clear error, before it costs anything."""

from __future__ import annotations

import json
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from anemoi.core.config.bounded import BYTES
from anemoi.core.errors import ConfigError, DataError, ResourceError
from click.testing import CliRunner

from anemoi_plugin_zarr import ZarrSource, limits
from anemoi_plugin_zarr.commands.data import command
from anemoi_plugin_zarr.containers import convert
from anemoi_plugin_zarr.creation import read_recipe

from .conftest import DATA, TIMES, Make


def multiplied(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data: " + "[" * 50_000, "more than 32 deep"),
        ("data: " + "{a: " * 50_000, "more than 32 deep"),
        ("data: &a {name: sample, x: *a}", r":1: .*alias \*a stands for what it lies in"),
        ("data: &a [[*a]]", "stands for what it lies in"),
        (multiplied(10), "more than 20,000 values, aliases written out"),
        (f"data: {'x' * BYTES}", "longer than"),
    ],
    ids=["lists", "mappings", "recursive", "recursive list", "aliases", "long"],
)
def test_recipes_that_are_larger_than_they_look_are_refused_at_once(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(ConfigError, match=told):
        read_recipe(path)
    assert time.process_time() - began < 10  # Written out, the aliases take an hour.
    result = CliRunner().invoke(command, ["create", str(path), str(tmp_path / "out.zarr")])
    assert isinstance(result.exception, ConfigError)


def test_aliases_as_people_use_them_are_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data:\n  name: join\n  sources:\n    - &one {name: zarr, path: a.zarr}\n    - *one\n")
    assert read_recipe(path).data["sources"] == [{"name": "zarr", "path": "a.zarr"}] * 2


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:/evil"])
def test_a_zip_file_with_an_entry_outside_of_it_is_refused(make: Make, tmp_path: Path, name: str) -> None:
    path = convert(make(), tmp_path / "a.zarr.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"evil")
    for read in (
        lambda: ZarrSource(path=str(path)),
        lambda: convert(path, tmp_path / "deep" / "er" / "out.zarr"),
        lambda: CliRunner().invoke(command, ["inspect", str(path)], catch_exceptions=False),
    ):
        with pytest.raises(DataError, match="lies outside of it"):
            read()
    assert not list(tmp_path.rglob("*evil*"))


def about(path: Path, array: str, **changes: object) -> None:
    """Change what an array says of itself."""
    place = path / array / ".zarray"
    place.write_text(json.dumps({**json.loads(place.read_text()), **changes}))


def enlarged(path: Path, cells: int) -> None:
    """Say of a data set that it has so many cells; nothing of them is there."""
    about(path, "data", shape=[len(TIMES), *DATA.shape[1:3], cells])
    for name in ("latitudes", "longitudes"):
        about(path, name, shape=[cells], chunks=[cells])


def test_coordinates_larger_than_the_memory_are_not_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make({"field_shape": None})
    enlarged(path, 500_000_000)
    monkeypatch.setattr(limits, "available_memory", lambda: 8_000_000_000)
    with pytest.raises(
        ResourceError, match=r"to read latitudes takes 4\.0 GB, and one array may take 2\.0 GB"
    ) as told:
        ZarrSource(path=str(path))
    assert told.value.exit_code == 6


def test_chunks_larger_than_the_memory_are_not_decoded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_memory", lambda: 8_000_000_000)
    path = make()
    about(path, "mean", chunks=[500_000_000])
    with pytest.raises(ResourceError, match=r"to read mean takes 4\.0 GB"):
        ZarrSource(path=str(path))
    about(path, "mean", chunks=[2])
    about(path, "data", chunks=[1, 2, 3, 500_000_000])
    with pytest.raises(ResourceError, match=r"to read data takes 12\.0 GB"):
        ZarrSource(path=str(path))


def test_points_of_a_store_of_fields_larger_than_the_memory_are_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = xr.Dataset(
        {"t": (("time", "latitude", "longitude"), np.zeros((2, 300, 400), "f4"))},
        {
            "time": np.array(["2020-01-01", "2020-01-02"], "M8[ns]"),
            "latitude": np.linspace(-90, 90, 300),
            "longitude": np.linspace(0, 359, 400),
        },
    )
    made.to_zarr(tmp_path / "f.zarr", zarr_format=2)
    assert len(ZarrSource(path=str(tmp_path / "f.zarr")).grid) == 120_000
    monkeypatch.setattr(limits, "available_memory", lambda: 4_000_000)
    with pytest.raises(ResourceError, match="to read its points takes"):
        ZarrSource(path=str(tmp_path / "f.zarr"))


def test_the_user_says_how_much_one_array_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_memory", lambda: 8_000_000_000)
    limits.check_bytes("x", "its points", 2_000_000_000)
    with pytest.raises(
        ResourceError, match=r"(?s)a quarter of the memory\..*\(ANEMOI_ARRAY_LIMIT_GB=3\)"
    ) as told:
        limits.check_bytes("x", "its points", 2_100_000_000)
    [words] = re.findall(r"ANEMOI_ARRAY_LIMIT_GB=\d+", str(told.value))
    monkeypatch.setenv(*words.split("="))
    limits.check_bytes("x", "its points", 2_100_000_000)
    with pytest.raises(ResourceError, match=r"may take 3\.0 GB here\."):
        limits.check_bytes("x", "its points", 3_100_000_000)
    for wrong in ("4GB", "0", "-1", "nan"):
        monkeypatch.setenv("ANEMOI_ARRAY_LIMIT_GB", wrong)
        with pytest.raises(ConfigError, match="expected a positive number of GB"):
            limits.check_bytes("x", "its points", 1)


def test_the_memory_of_the_machine_is_known() -> None:
    assert 1 << 28 < limits.available_memory() < 1 << 50
