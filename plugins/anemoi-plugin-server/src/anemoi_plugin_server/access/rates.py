"""How often somebody may ask: token buckets."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Buckets:
    """One bucket for each user or address, which fills at a rate and which each request takes one from.

    Parameters
    ----------
    rate
        How many a second.
    burst
        How many at once.
    most
        How many buckets are kept; those unused for longest go first.
    clock
        Seconds.
    """

    def __init__(
        self, rate: float, burst: float, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate, burst, most, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str) -> int:
        """Take one for ``who``: 0, or in how many seconds there will be one."""
        with self._lock:
            now = self._clock()
            left, then = self._buckets.get(who, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._rate)
            wait = 0 if left >= 1 else math.ceil((1 - left) / self._rate)
            self._buckets[who] = (left - (wait == 0), now)
            self._buckets.move_to_end(who)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return wait
