"""The contracts of a data source, of an output and of a package of configuration."""

from pathlib import Path

from anemoi.core.testing import ConfigContract, OutputContract, SourceContract


class TestZarrSource(SourceContract):
    name = "zarr"
    options = {"path": str(Path(__file__).parent / "data" / "reference.zarr.zip")}  # noqa: RUF012


class TestZarrOutput(OutputContract):
    name = "zarr"


class TestConfiguration(ConfigContract):
    name = "zarr"
