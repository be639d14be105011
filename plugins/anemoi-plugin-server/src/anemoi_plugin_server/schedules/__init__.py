"""Jobs at set times of day, when their data are there."""

from __future__ import annotations

from typing import Final

DATE: Final = "{date}"
"""What stands for the time of each run in the options of its job."""
