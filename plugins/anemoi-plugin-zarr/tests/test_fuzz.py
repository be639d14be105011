"""Whatever an attribute or a recipe holds, there is one clear error or a source that works."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anemoi.core.errors import AnemoiError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.creation import create, read_recipe

from .conftest import ATTRIBUTES, TIMES, Make

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    *ATTRIBUTES,
    *("name_to_index", "allow_nans", "variables_with_nans", "constant_fields", "provenance", "description"),
    *("forecast", "statistics_start_date", "statistics_end_date"),
]
SAID = ["units", "computed_forcing", "constant_in_time", "process", "period", "accumulated", "role", "level"]
OPTIONS = [
    *("start", "end", "frequency", "select", "drop", "reorder", "rename", "thinning", "area", "path"),
    "fill_missing_dates",
    "trim_edge",
]
KEYS = ["data", "statistics", "allow_nans", "licence"]
BOUNDED = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def failure(call: Callable[[], object]) -> AnemoiError | None:
    """Give the error that a user would be shown; any other is raised."""
    try:
        call()
    except AnemoiError as error:
        return error
    return None


@pytest.fixture
def path(make: Make) -> Path:
    return make()


@BOUNDED
@given(
    attributes=st.dictionaries(st.sampled_from(NAMES), ANYTHING, min_size=1, max_size=2), drop=st.booleans()
)
def test_attributes(path: Path, attributes: dict[str, Any], drop: bool) -> None:
    known = {**ATTRIBUTES, **attributes}
    if drop:
        known.pop("variables")
    (path / ".zattrs").write_text(json.dumps(known))

    def use() -> None:
        source = ZarrSource(path=str(path))
        source.read([time for time in TIMES if time not in source.missing])
        json.dumps([dict(source.provenance), [v.to_dict() for v in source.metadata.values()]])

    error = failure(use)
    assert error is None or ("made.zarr" in error.what and error.exit_code == 4)


@BOUNDED
@given(
    said=st.dictionaries(st.sampled_from([*SAID, "level_type", "mars"]), ANYTHING, max_size=3),
    mars=st.dictionaries(st.sampled_from(["levtype", "levelist", "level", "units"]), ANYTHING, max_size=2),
)
def test_what_is_said_of_a_variable(path: Path, said: dict[str, Any], mars: dict[str, Any]) -> None:
    known = {**ATTRIBUTES, "variables_metadata": {"t": {"mars": mars, **said}}}
    (path / ".zattrs").write_text(json.dumps(known))
    error = failure(lambda: ZarrSource(path=str(path)).metadata)
    assert error is None or ("variables_metadata" in error.what and error.exit_code == 4)


@BOUNDED
@given(
    options=st.dictionaries(st.sampled_from(OPTIONS) | st.text(max_size=4), ANYTHING, max_size=2),
    rest=st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), ANYTHING, max_size=1),
)
def test_recipes(path: Path, options: dict[str, Any], rest: dict[str, Any]) -> None:
    recipe, target = path.parent / "recipe.yaml", path.parent / "out.zarr"
    recipe.write_text(json.dumps({"data": {"name": "zarr", "path": str(path), **options}, **rest}))

    def use() -> None:
        create(read_recipe(recipe), target, overwrite=True)
        assert len(ZarrSource(path=str(target)).times)

    error = failure(use)
    assert error is None or (error.what and error.exit_code in (2, 4))
