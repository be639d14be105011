"""Forecast in a box for Anemoi: forecasts from a browser, or over HTTP."""
