"""The contracts of a data source, of an output and of a package of configuration."""

from pathlib import Path

from anemoi_plugin_testing import CommandContract, ConfigContract, OutputContract, SourceContract


class TestZarrSource(SourceContract):
    name = "zarr"
    options = {"path": str(Path(__file__).parent / "data" / "reference.zarr.zip")}  # noqa: RUF012


class TestZarrOutput(OutputContract):
    name = "zarr"


class TestConfiguration(ConfigContract):
    name = "zarr"


ZARR = {"name": "zarr", "path": TestZarrSource.options["path"]}


class TestJoin(SourceContract):
    name = "join"
    options = {"sources": [{**ZARR, "select": ["q"]}, {**ZARR, "drop": ["q"]}]}  # noqa: RUF012


class TestMerge(SourceContract):
    name = "merge"
    options = {"sources": [ZARR, {**ZARR, "select": ["q"]}], "choices": {"q": 2}}  # noqa: RUF012


class TestSubset(SourceContract):
    name = "subset"
    options = {"source": ZARR, "frequency": "12h", "thinning": 2}  # noqa: RUF012


class TestCommand(CommandContract):
    name = "data"
