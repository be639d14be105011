"""Find, judge and load plugins: the only code in Anemoi that reads entry points.

Finding reads metadata and imports nothing; loading imports one component, when it is needed.
"""

from ._components import STATES, Component, components
from ._kinds import GROUPS, normalise
from ._load import load
from ._lock import lock

__all__ = ["GROUPS", "STATES", "Component", "components", "load", "lock", "normalise"]
