"""Results of jobs: kept by their contents, and read for the page."""
