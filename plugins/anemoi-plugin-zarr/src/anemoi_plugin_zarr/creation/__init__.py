"""Makes a data set from any data source: resumable, in parallel, whole or not at all."""

from .create import Creation, create
from .recipe import Recipe, StatisticsPeriod, read_recipe

__all__ = ["Creation", "Recipe", "StatisticsPeriod", "create", "read_recipe"]
