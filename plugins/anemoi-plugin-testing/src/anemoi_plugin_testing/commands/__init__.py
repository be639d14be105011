"""The commands ``anemoi plugins check``, ``new`` and ``update``."""
