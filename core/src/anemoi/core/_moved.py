"""Names of the line 0.1 that another distribution has since 0.2: they go on working for one line."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def moved(
    old: str, new: str, distribution: str, *, gone: Mapping[str, str] | None = None, depth: int = 1
) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a module that has moved.

    Parameters
    ----------
    old, new
        The module as it was called, and as it is now.
    distribution
        What has it now.
    gone
        Names that did not move with it, and what to do instead.
    depth
        How many calls lie between what it returns and the line that asks for a name.

    Returns
    -------
    Callable
        Finds a name in the new place, with a warning at the line that asks for the old one; where the
        distribution is not installed, or the name is gone, an ``ImportError`` says so.
    """

    def find(name: str) -> Any:
        if name.startswith("__"):  # Asked for by Python itself, of any module.
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        if advice := (gone or {}).get(name):
            raise ImportError(f"{old}.{name} is gone since anemoi-core 0.2: {advice}.", name=old)
        place = f"{old}.{name} is {new}.{name} since anemoi-core 0.2"
        try:
            module = import_module(new)
        except ModuleNotFoundError as error:
            if error.name != new.partition(".")[0]:
                raise
            raise ImportError(f"{place}. To install it: pip install {distribution}", name=new) from error
        try:
            found = getattr(module, name)
        except AttributeError:
            raise AttributeError(f"neither {old!r} nor {new!r} has {name!r}") from None
        warnings.warn(f"{place}, and the old name goes with 0.3.", FutureWarning, stacklevel=1 + depth)
        return found

    return find
