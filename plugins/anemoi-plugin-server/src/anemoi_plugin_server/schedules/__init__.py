"""Jobs at set times of day, when their data are there."""
