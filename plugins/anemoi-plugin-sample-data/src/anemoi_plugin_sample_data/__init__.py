"""Small data sets to learn, try and test with, as data sources that are there once installed."""

from __future__ import annotations

from .sources import Sample, SampleAtmosphere, SampleEarth, SampleEarthOcean

__all__ = ["Sample", "SampleAtmosphere", "SampleEarth", "SampleEarthOcean"]
