"""The first commit of core that breaks a plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def first_bad(commits: Sequence[str], is_good: Callable[[str], bool]) -> str | None:
    """The first of these commits with which a plugin fails, by halving; None if the last one passes.

    Parameters
    ----------
    commits
        Oldest first; the plugin passed with the commit before the first.
    is_good
        Whether the plugin passes with a commit; asked about log2 of them.
    """
    if not commits or is_good(commits[-1]):
        return None
    low, high = 0, len(commits) - 1
    while low < high:
        middle = (low + high) // 2
        if is_good(commits[middle]):
            low = middle + 1
        else:
            high = middle
    return commits[high]
