"""What is read of the data sets in ``data/``: in the words of anemoi-datasets, and in ours."""

from __future__ import annotations

from typing import Any


def _path(name: str) -> str:
    return f"{name}.zarr.zip"


def _zarr(name: str, **options: Any) -> dict[str, Any]:
    return {"name": "zarr", "path": _path(name), **options}


def _one(name: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same options in both."""
    return {"dataset": _path(name), **options}, _zarr(name, **options)


def _several(
    how: str, names: list[str | dict[str, Any]], **options: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = [{"dataset": name} if isinstance(name, str) else name for name in names]
    theirs = [{**part, "dataset": _path(part["dataset"])} for part in parts]
    ours = [_zarr(part["dataset"], **{k: v for k, v in part.items() if k != "dataset"}) for part in parts]
    return {how: theirs, **options}, {"name": how, "sources": ours, **options}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "whole": _one("reference"),
    "gapless": _one("gapless"),
    "start": _one("gapless", start="2020-02-27 12:00:00"),
    "start between": _one("gapless", start="2020-02-27 13:00:00"),
    "end": _one("gapless", end="2020-02-28 06:00:00"),
    "end of a day": _one("gapless", end="2020-02-27"),
    "a month": _one("latest", start="2020-03", end="2020-03"),
    "a year": _one("gapless", start=2020, end=2020),
    "a day with missing": _one("reference", start="2020-02-28", end="2020-02-28"),
    "frequency": _one("gapless", frequency="12h"),
    "frequency with missing": _one("reference", start="2020-02-27 06:00:00", frequency="12h"),
    "select": _one("gapless", select=["u", "q"]),
    "select one": _one("reference", select=["msl"]),
    "drop": _one("gapless", drop=["q"]),
    "reorder": _one("gapless", reorder=["z", "u", "q"]),
    "sort": _one("gapless", reorder="sort"),
    "rename": _one("gapless", rename={"z": "z_500", "u": "u_850"}),
    "area": _one("gapless", area=[50, 30, -30, 200]),
    "area over Greenwich": _one("gapless", area=[70, -40, 10, 40]),
    "area of a region": _one("region", area=[50, -10, 30, 10]),
    "thinning": _one("gapless", thinning=2),
    "thinning by three": _one("region", thinning=3),
    "fill closest": _one("reference", fill_missing_dates="closest"),
    "fill interpolate": _one("reference", fill_missing_dates="interpolate"),
    "fill nans": _one("reference", fill_missing_dates="nans"),
    "fill mean": _one("reference", fill_missing_dates="mean"),
    "fill minimum": _one("reference", fill_missing_dates="minimum"),
    "fill maximum": _one("reference", fill_missing_dates="maximum"),
    "all at once": _one(
        "reference",
        fill_missing_dates="interpolate",
        start="2020-02-27 06:00:00",
        end="2020-02-28",
        frequency="12h",
        select=["q", "t2m"],
        rename={"t2m": "2t"},
        thinning=2,
        area=[70, 50, -70, 250],
    ),
    "join": _several("join", [{"dataset": "gapless", "drop": ["q"]}, "reference"]),
    "join over": _several("join", ["reference", "gapless"]),
    "join over the other way": _several("join", ["gapless", "reference"], select=["q", "z", "msl"]),
    "join three": _several(
        "join", ["gapless", "reference", {"dataset": "gapless", "rename": {"z": "t2m", "u": "v"}}]
    ),
    "concat": _several("concat", ["reference", "later"]),
    "concat options": _several(
        "concat", ["reference", "later"], start="2020-02-28", frequency="12h", select=["t2m"]
    ),
    "concat with a gap": _several("concat", ["reference", "later", "latest"], fill_missing_gaps=True),
    "concat filled": _several(
        "concat", ["later", "latest"], fill_missing_gaps=True, fill_missing_dates="interpolate"
    ),
    "cutout": _several("cutout", ["region", "gapless"]),
    "cutout of two": _several("cutout", ["region", "north", "gapless"]),
    "cutout of two the other way": _several("cutout", ["north", "region", "gapless"]),
    "cutout cropped": _several("cutout", ["region", "gapless"], cropping_distance=20.0, neighbours=3),
    "cutout least distance": _several(
        "cutout", ["region", "gapless"], min_distance_km=900.0, cropping_distance=25.0
    ),
    "cutout no distance": _several("cutout", ["region", "gapless"], min_distance_km=0.0),
    "cutout largest distance": _several(
        "cutout", ["region", "gapless"], max_distance_km=2500.0, select=["u"], min_distance_km=0.0
    ),
    "cutout area": _several(
        "cutout", ["region", "north", "gapless"], area=[90, -60, 0, 60], start="2020-02-27 18:00:00"
    ),
}  # fmt: skip
"""Under each name the keyword arguments of ``open_dataset``, and the configuration of a source."""
