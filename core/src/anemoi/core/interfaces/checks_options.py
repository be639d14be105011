"""What a component may do beyond its kind: refuse its options before it is built."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ChecksOptions(Protocol):
    """A component that refuses options which its constructor would refuse, without being built.

    Types and bounds are checked anyway. This is for what they cannot say, where building the component costs
    more than a look at its options: a source would open its data. ``anemoi config validate`` asks it, and a
    training before it reads anything::

        class Regional(DataSource):
            @classmethod
            def check_options(cls, *, path: str, frequency: str = "6h") -> None:
                parse_duration(frequency)
    """

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """Refuse what the constructor would refuse whatever the data are.

        Parameters
        ----------
        **options
            Those that a user gave, as the constructor takes them; each has its type.

        Raises
        ------
        ConfigError
            If they do not go together, or a text is not what it should be.
        """
