"""Puts the specimens where Python finds them, as an installed package is, so that they can be pickled."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
