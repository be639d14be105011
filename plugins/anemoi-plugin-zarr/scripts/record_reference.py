"""Record what anemoi-datasets reads of data sets that it made, for the tests to compare with.

    python scripts/record_reference.py [--venv DIRECTORY]

makes an environment of its own with anemoi-datasets 0.5.47, unless DIRECTORY is one already, and in it the
data sets ``tests/data/*.zarr.zip``, of random numbers, those that are not there, and for every case of
``tests/cases.py`` what ``open_dataset`` gives, ``tests/data/reference.npz``. The tests need none of this.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
REQUIREMENTS = ["anemoi-datasets[create]==0.5.47", "netCDF4==1.7.2", "numcodecs==0.15.1", "xarray==2026.4.0"]

GLOBE = {"latitude": (60.0, -60.0, 7), "longitude": (0.0, 330.0, 12)}  # 20° x 30°
REGION = {"latitude": (58.0, 22.0, 10), "longitude": (-22.0, 26.0, 13)}  # 4° x 4°, across Greenwich
NORTH = {"latitude": (66.0, 46.0, 6), "longitude": (2.0, 30.0, 8)}  # 4° x 4°, over a corner of the region
UNITS = {"units": "1"}
WINTER, LATER, LATEST = ("2020-02-27T00", 8), ("2020-02-29T00", 4), ("2020-03-02T00", 3)

MADE: dict[str, dict[str, Any]] = {
    "reference": {"seed": 0, "grid": GLOBE, "dates": WINTER, "missing": ["2020-02-27T12", "2020-02-28T06"],
                  "fields": {"t2m": 280, "msl": 101000, "q": 0.01}, "statistics": "2020-02-28T00"},
    "gapless": {"seed": 1, "grid": GLOBE, "dates": WINTER, "fields": {"z": 54000, "q": 0.02, "u": 0},
                "statistics": "2020-02-28T06", "tendencies": ["6h", "12h"]},
    "later": {"seed": 2, "grid": GLOBE, "dates": LATER, "fields": {"t2m": 280, "msl": 101000, "q": 0.01},
              "missing": ["2020-02-29T06"]},
    "latest": {"seed": 3, "grid": GLOBE, "dates": LATEST, "fields": {"t2m": 280, "msl": 101000, "q": 0.01}},
    "region": {"seed": 4, "grid": REGION, "dates": WINTER, "fields": {"z": 54000, "q": 0.02, "u": 0}},
    "north": {"seed": 5, "grid": NORTH, "dates": WINTER, "fields": {"z": 54000, "q": 0.02, "u": 0},
              "missing": ["2020-02-28T00"]},
}  # fmt: skip


def main() -> None:
    """Make the environment if need be, and record in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venv", type=Path, default=Path(__file__).parent / ".venv")
    directory = parser.parse_args().venv
    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    if Path(sys.prefix).resolve() != directory.resolve():
        os.environ["PATH"] = f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
        os.execv(python, [str(python), __file__, "--venv", str(directory)])
    for name, about in MADE.items():
        if not (DATA / f"{name}.zarr.zip").exists():
            make(name, **about)
    if not (DATA / "roles.zarr.zip").exists():
        make_roles()
    record()


def make(
    name: str,
    *,
    seed: int,
    grid: dict[str, tuple[float, float, int]],
    dates: tuple[str, int],
    fields: dict[str, float],
    missing: list[str] | None = None,
    statistics: str | None = None,
    tendencies: list[str] | None = None,
) -> None:
    """Make a data set of random numbers with anemoi-datasets, and put it in a zip file."""
    import numpy as np
    import xarray as xr

    random = np.random.default_rng(seed)
    times = np.datetime64(dates[0], "ns") + np.arange(dates[1]) * np.timedelta64(6, "h")
    axes = {
        axis: (axis, np.linspace(*ends), {"units": f"degrees_{way}", "standard_name": axis})
        for (axis, ends), way in zip(grid.items(), ("north", "east"), strict=True)
    }
    shape = (len(times), grid["latitude"][2], grid["longitude"][2])
    values = {
        field: (
            ("time", *axes),
            random.normal(mean, abs(mean) / 30 + 1e-3, shape).astype("f4"),
            {"units": "1"},
        )
        for field, mean in fields.items()
    }
    recipe: dict[str, Any] = {
        "name": name,
        "description": "Random numbers",
        "licence": "CC0-1.0",
        "attribution": "Made for a test",
        "dates": {"start": str(times[0])[:19], "end": str(times[-1])[:19], "frequency": "6h",
                  "missing": [f"{date}:00:00" for date in missing or []]},
        "statistics": {"end": f"{statistics or str(times[-1])[:13]}:00:00",
                       **({"tendencies": tendencies} if tendencies else {})},
        "output": {"dtype": "float32"},
        "input": {"netcdf": {"path": "input.nc", "param": list(fields)}},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        xr.Dataset(values, {"time": times, **axes}).to_netcdf(Path(directory, "input.nc"))
        create(name, recipe, Path(directory))


def create(name: str, recipe: dict[str, Any], directory: Path) -> None:
    """Make a data set with anemoi-datasets in ``directory``, and put it in a zip file."""
    (directory / "recipe.yaml").write_text(json.dumps(recipe))
    command = [str(Path(sys.prefix, "bin", "anemoi-datasets")), "create", "recipe.yaml", f"{name}.zarr"]
    subprocess.run(command, check=True, cwd=directory)
    shutil.make_archive(str(DATA / f"{name}.zarr"), "zip", directory / f"{name}.zarr")


def make_roles() -> None:
    """Make a data set with each kind of variable: constant, computed, accumulated, averaged."""
    import eccodes
    import numpy as np
    import xarray as xr

    random = np.random.default_rng(6)
    times = np.datetime64("2020-02-27T00", "ns") + np.arange(4) * np.timedelta64(6, "h")
    axes = {
        axis: (axis, np.linspace(*ends), {"units": f"degrees_{way}", "standard_name": axis})
        for (axis, ends), way in zip(GLOBE.items(), ("north", "east"), strict=True)
    }
    shape = (4, 7, 12)
    lsm = np.broadcast_to(random.integers(0, 2, shape[1:]).astype("f4"), shape)
    sst = np.where(lsm > 0, np.nan, random.normal(290, 3, shape)).astype("f4")
    level = ("level", [850.0, 500.0], {"units": "hPa", "standard_name": "air_pressure"})
    surface = ("time", *axes)
    values = {
        "lsm": (surface, lsm, {"units": "1"}),
        "sst": (surface, sst, {"units": "K"}),
        "t": (("time", "level", *axes), random.normal(250, 3, (4, 2, 7, 12)).astype("f4"), {"units": "K"}),
    }
    fields = {"tp": "accum", "avg_sdswrf": "avg", "10fg": "max"}
    recipe = {
        "name": "roles",
        "dates": {"start": str(times[0])[:19], "end": str(times[-1])[:19], "frequency": "6h"},
        "statistics": {"end": str(times[2])[:19], "tendencies": ["6h"]},
        "build": {"allow_nans": True},
        "output": {"dtype": "float32"},
        "input": {
            "join": [
                {"netcdf": {"path": "input.nc", "param": list(values)}},
                {"grib": {"path": "input.grib", "param": list(fields)}},
                {"forcings": {"param": ["cos_latitude", "insolation"], "template": "${input.join.0.netcdf}"}},
            ]
        },
    }
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        xr.Dataset(values, {"time": times, "level": level, **axes}).to_netcdf(directory / "input.nc")
        with (directory / "input.grib").open("wb") as file:
            for time in times:
                for short_name, statistic in fields.items():
                    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
                    base = (time - np.timedelta64(6, "h")).astype("M8[s]").item()
                    keys = {
                        "Ni": 12, "Nj": 7, "numberOfDataPoints": 84,
                        "iDirectionIncrementInDegrees": 30, "jDirectionIncrementInDegrees": 20,
                        "latitudeOfFirstGridPointInDegrees": 60, "latitudeOfLastGridPointInDegrees": -60,
                        "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 330,
                        "dataDate": int(f"{base:%Y%m%d}"), "dataTime": int(f"{base:%H%M}"),
                        "productDefinitionTemplateNumber": 8, "shortName": short_name,
                        "stepType": statistic, "stepRange": "0-6",
                    }  # fmt: skip
                    for key, value in keys.items():
                        eccodes.codes_set(message, key, value)
                    eccodes.codes_set_values(message, random.exponential(1.0, 84))
                    eccodes.codes_write(message, file)
                    eccodes.codes_release(message)
        create("roles", recipe, directory)


def record() -> None:
    """Record what ``open_dataset`` gives for every case."""
    import numpy as np
    from anemoi.datasets import open_dataset
    from anemoi.datasets.usage.gridded.fill_missing import MissingDatesInterpolate

    # Release 0.5.47 asks for an attribute that it never sets, and so cannot interpolate without this.
    MissingDatesInterpolate._do_warning = True
    sys.path.insert(0, str(DATA.parent))
    from cases import CASES

    os.chdir(DATA)
    recorded = {}
    for name, (theirs, _) in CASES.items():
        made = open_dataset(**theirs)
        there = [i for i in range(len(made)) if i not in made.missing]
        recorded |= {
            f"{name}.data": np.concatenate([made[i : i + 1] for i in there]),
            f"{name}.dates": made.dates,
            f"{name}.missing": made.dates[sorted(made.missing)],
            f"{name}.variables": np.array(made.variables),
            f"{name}.frequency": np.timedelta64(made.frequency, "s"),
            f"{name}.latitudes": made.latitudes,
            f"{name}.longitudes": made.longitudes,
            **{f"{name}.{statistic}": values for statistic, values in made.statistics.items()},
        }
    for name in ("gapless", "select", "rename"):
        made = open_dataset(**CASES[name][0])
        for hours in (6, 12):
            known = made.statistics_tendencies(f"{hours}h")
            recorded |= {f"{name}.{hours}h.{statistic}": values for statistic, values in known.items()}
    windows = open_dataset("reference.zarr.zip", skip_missing_dates=True, expected_access=2)
    recorded["windows"] = np.array(windows.indices)
    np.savez_compressed("reference.npz", **recorded)


if __name__ == "__main__":
    main()
